"""Moderation: what is let through is what the moderator has looked at."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ad_autocategorize.moderation.mixins import CategoryCheckMixin
from marketplace.models import Ad, AdPhoto
from taxonomy.lookups import PlainLookupsMixin
from taxonomy.tree import CategoryTree

SEEN = "seen"


class AdPhotoInline(admin.TabularInline):
    """The photos on the ad's page, to look at and to delete; uploads go through the site's form, which re-encodes them."""

    model = AdPhoto
    extra = 0
    readonly_fields = ["image"]

    def has_add_permission(self, request: HttpRequest, obj: Ad | None = None) -> bool:
        return False


class AdAdminForm(forms.ModelForm):
    """The ad's page. It is not saved over a change that the seller has made since it was opened."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.initial[SEEN] = self.instance.fingerprint()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        pk = self.instance.pk
        # The instance holds what was typed by now: the database is asked what the ad says.
        if pk is not None and cleaned.get(SEEN) != Ad.objects.get(pk=pk).fingerprint():
            raise ValidationError(
                _("The seller has changed this ad since you opened it. Reload the page and look again.")
            )
        return cleaned


@admin.register(Ad)
class AdAdmin(CategoryCheckMixin, PlainLookupsMixin, admin.ModelAdmin):
    """Pending ads are let through or turned down here."""

    form = AdAdminForm
    list_display = ["shown_title", "category_path", "category_check", "offered", "status"]
    list_filter = ["status", "payment"]
    list_select_related = ["seller"]
    search_fields = ["title"]
    autocomplete_fields = ["category", "brand", "car_model", "body_type", "color"]
    raw_id_fields = ["seller"]
    date_hierarchy = "created_at"
    inlines = [AdPhotoInline]
    actions = ["publish", "reject"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ad]:
        return super().get_queryset(request).prefetch_related("photos")

    @admin.display(description=gettext_lazy("title"), ordering="title")
    def shown_title(self, ad: Ad) -> str:
        """The title, and out of sight what the list showed of the ad, which an action compares."""
        hidden = format_html('<input type="hidden" name="{}-{}" value="{}">', SEEN, ad.pk, ad.fingerprint())
        return format_html("{}{}", ad.title, hidden)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        base: Any = super().get_changelist(request, **kwargs)
        return type("AdList", (_WithPaths, base), {})

    @admin.display(description=gettext_lazy("category"), ordering="category__name")
    def category_path(self, ad: Any) -> str:
        """The whole path: the last step alone does not say whether the ad is where it belongs."""
        return str(ad.shown_path)

    @admin.display(description=gettext_lazy("offered"), ordering="created_at")
    def offered(self, ad: Ad) -> str:
        """When, and by whom."""
        return format_html("{}<br>{}", date_format(localtime(ad.created_at), "SHORT_DATE_FORMAT"), ad.seller)

    @admin.action(description=gettext_lazy("Publish the selected ads"), permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Ad]) -> None:
        count, left = _set_status(request, queryset, Ad.Status.PUBLISHED)
        self.message_user(request, _("Ads published: %(count)d.") % {"count": count})
        if left:
            text = _("Left as they are, since they were changed after this list was shown or are not on it: %(count)d.")
            self.message_user(request, text % {"count": left}, messages.WARNING)

    @admin.action(description=gettext_lazy("Reject the selected ads"), permissions=["change"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Ad]) -> None:
        count = queryset.update(status=Ad.Status.REJECTED)
        self.message_user(request, _("Ads rejected: %(count)d.") % {"count": count})


class _WithPaths(ChangeList):
    """Gives the ads of the page their whole paths, with one reading of the tree."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        tree = CategoryTree.load(include_inactive=True)
        for ad in self.result_list:
            ad.shown_path = tree.path_text(ad.category_id)


@transaction.atomic
def _set_status(request: HttpRequest, ads: QuerySet[Ad], status: Ad.Status) -> tuple[int, int]:
    """Give ads a status if they are as the list showed them; return how many got it and how many did not."""
    locked = Ad.objects.select_for_update().filter(pk__in=list(ads.values_list("pk", flat=True))).order_by("pk")
    found = list(locked.prefetch_related("photos"))
    as_shown = [ad.pk for ad in found if request.POST.get(f"{SEEN}-{ad.pk}") == ad.fingerprint()]
    return Ad.objects.filter(pk__in=as_shown).update(status=status), len(found) - len(as_shown)
