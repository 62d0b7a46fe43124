"""The category tree one branch at a time, and the car catalog."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.translation import gettext_lazy as _

from taxonomy.locking import tree_write
from taxonomy.lookups import PlainLookupsMixin
from taxonomy.models import BodyType, Brand, CarModel, Category, Color

PARENT_PARAMETER = "parent__id__exact"
# No longer than a database's largest integer.
KEY = re.compile(r"[0-9]{1,18}")
Moved = tuple[int | None, int | None]


@admin.register(Category)
class CategoryAdmin(PlainLookupsMixin, admin.ModelAdmin):
    """Lists the children of one category; a search looks through the whole tree."""

    list_display = ["name", "branch", "external_id", "is_active"]
    list_filter = ["is_active"]
    list_per_page = 100
    search_fields = ["name", "external_id"]
    autocomplete_fields = ["parent"]
    prepopulated_fields = {"slug": ["name"]}
    ordering = ["name"]
    show_full_result_count = False
    change_list_template = "admin/ad_taxonomy/category/change_list.html"
    # Functions of other apps that say, in a sentence for a person, what moving a category would affect; "" for nothing. After a
    # move they are given the keys of its former parent and of its present one, and say what it has affected.
    impact_reporters: ClassVar[list[Callable[[Category, Moved | None], str]]] = []

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup == PARENT_PARAMETER or super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        queryset = super().get_queryset(request).annotate(child_count=Count("children"))
        on_list = request.resolver_match and request.resolver_match.url_name == "ad_taxonomy_category_changelist"
        if on_list and request.method == "GET" and not request.GET.get("q") and PARENT_PARAMETER not in request.GET:
            queryset = queryset.filter(parent=None)
        return queryset

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        parent = request.GET.get(PARENT_PARAMETER, "")
        category = Category.objects.filter(pk=parent).first() if KEY.fullmatch(parent) else None
        trail = category.path() if category else []
        return super().changelist_view(request, {**(extra_context or {}), "trail": trail})

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Category]) -> None:
        # One by one: a queryset's own delete would leave holes in the tree columns.
        with tree_write():
            for category in queryset.order_by("-level"):
                category.delete()

    def get_form(self, request: HttpRequest, obj: Category | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        if obj is not None and "parent" in form.base_fields:
            # Django's admin takes help texts for HTML, and names of categories may come from anywhere.
            form.base_fields["parent"].help_text = escape(self._impact(obj))
        return form

    def save_model(self, request: HttpRequest, obj: Category, form: Any, change: bool) -> None:
        former = Category.objects.filter(pk=obj.pk).values_list("parent_id", flat=True).first() if change else None
        super().save_model(request, obj, form, change)
        if not change or not {"parent", "is_active"} & set(form.changed_data):
            return
        if impact := self._impact(obj, (former, obj.parent_id)):
            self.message_user(request, impact, messages.WARNING)

    def _impact(self, category: Category, moved: Moved | None = None) -> str:
        return " ".join(filter(None, (report(category, moved) for report in self.impact_reporters)))

    @admin.display(description=_("branch"))
    def branch(self, category: Category) -> str:
        count = getattr(category, "child_count", 0)
        if not count:
            return ""
        url = reverse("admin:ad_taxonomy_category_changelist")
        text = _("Open %(name)s (%(count)d)") % {"name": category.name, "count": count}
        return format_html('<a href="{}?{}={}">{}</a>', url, PARENT_PARAMETER, category.pk, text)


class CarModelInline(admin.TabularInline):
    """The models of a brand, on the brand's page."""

    model = CarModel
    extra = 0
    fields = ["name", "first_year", "last_year", "body_types"]
    autocomplete_fields = ["body_types"]


@admin.register(Brand)
class BrandAdmin(PlainLookupsMixin, admin.ModelAdmin):
    """A brand and its models."""

    search_fields = ["name"]
    inlines = [CarModelInline]


@admin.register(CarModel)
class CarModelAdmin(PlainLookupsMixin, admin.ModelAdmin):
    """All models."""

    list_display = ["name", "brand", "first_year", "last_year"]
    list_filter = ["body_types", "brand"]
    list_select_related = ["brand"]
    search_fields = ["name", "brand__name"]
    autocomplete_fields = ["brand", "body_types"]


@admin.register(BodyType, Color)
class NamedAdmin(PlainLookupsMixin, admin.ModelAdmin):
    """Body types and colors."""

    search_fields = ["name"]
