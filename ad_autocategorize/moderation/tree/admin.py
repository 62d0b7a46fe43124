"""The taxonomy health page: what a search noticed about the categories, with examples, and as CSV."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Max, QuerySet, When
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ad_autocategorize.models import TaxonomyFinding
from ad_autocategorize.moderation.labels.review import ReviewConflict, Reviewer
from ad_autocategorize.moderation.queue.admin import link_to_batch
from ad_autocategorize.moderation.queue.ads import may_open_ads, path_text
from ad_autocategorize.moderation.queue.filters import refuse_bad_filters
from ad_autocategorize.moderation.queue.narrowing import filter_groups
from ad_autocategorize.moderation.queue.numbers import small_number
from ad_autocategorize.moderation.queue.read_only import CAN_BULK_RELABEL, CAN_REVIEW, ReadOnlyAdmin
from ad_autocategorize.moderation.tree.cards import PLAIN_KINDS, attach_cards
from ad_autocategorize.moderation.tree.export import findings_csv
from ad_autocategorize.moderation.tree.merging import MergeRefused, merge, plan_merge
from ad_autocategorize.moderation.tree.postponing import only_postponed, postpone, take_up, without_postponed
from ad_autocategorize.sources import SourceError
from taxonomy.models import Category
from taxonomy.tree import CategoryTree

OVERVIEW = "admin:ad_autocategorize_taxonomyfinding_changelist"


class FindingList(ChangeList):
    """Looks up what the cards of the page show."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        attach_cards(self.result_list, linked=may_open_ads(self.model_admin.admin_site, request))
        tree = CategoryTree.load(include_inactive=True)
        may_merge, may_add = may_merge_categories(request), request.user.has_perm("ad_taxonomy.add_category")
        for finding in self.result_list:
            # What has others below it is not emptied.
            is_pair = finding.kind == TaxonomyFinding.Kind.MERGE
            finding.can_be_merged = may_merge and is_pair and not tree.children(finding.other_id)
            # Of a site's own categories the site adds more.
            own = not tree.external_id(finding.category_id)
            finding.can_be_split = may_add and own and finding.kind == TaxonomyFinding.Kind.SPLIT


class PostponedFilter(admin.SimpleListFilter):
    """Findings that somebody put off; without this filter they are left out."""

    title = gettext_lazy("put off")
    parameter_name = "postponed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("put off: not now"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[TaxonomyFinding]) -> QuerySet[TaxonomyFinding]:
        return only_postponed(queryset) if self.value() == "yes" else without_postponed(queryset)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield {**first, "display": _("to look at")}
        yield from others


@admin.register(TaxonomyFinding)
class TaxonomyFindingAdmin(ReadOnlyAdmin):
    """Each card is a question to whoever keeps the tree; a page of its own asks before anything is changed."""

    list_display = ["kind"]
    list_display_links = None
    list_filter = ["kind", PostponedFilter]
    search_fields = ["category__name", "other__name"]
    list_per_page = 50
    change_list_template = "admin/ad_autocategorize/taxonomyfinding/change_list.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        found_at = TaxonomyFinding.objects.aggregate(last=Max("found_at"))["last"]
        own = {
            "found_at": found_at,
            "may_postpone": request.user.has_perm(CAN_REVIEW),
            "postponed": request.GET.get(PostponedFilter.parameter_name) == "yes",
        }
        response = super().changelist_view(request, {**own, **(extra_context or {})})
        context: dict[str, Any] = getattr(response, "context_data", None) or {}
        if (listed := context.get("cl")) is not None:
            context["filter_groups"] = filter_groups(listed)
            # The search's form sends the filters along.
            context["kept_for_search"] = [(name, request.GET[name]) for name in request.GET if name not in ("q", "p")]
        return response

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(CAN_REVIEW) or super().has_view_permission(request, obj)

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        # An unused category is sure, and nothing to think about: it stands behind the questions.
        is_plain = Case(When(kind__in=PLAIN_KINDS, then=1), default=0)
        return [is_plain.asc(), "-weight", "-ads", "pk"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return FindingList

    def get_urls(self) -> list[URLPattern]:
        name, wrap = "ad_autocategorize_taxonomyfinding", self.admin_site.admin_view
        own = [
            path("<int:pk>/postpone/", wrap(self.postpone_view), name=f"{name}_postpone"),
            path("csv/", wrap(refuse_bad_filters(self.as_csv, OVERVIEW)), name=f"{name}_csv"),
            path("merge/<int:category>/", wrap(self.merge_into_view), name=f"{name}_merge_into"),
            path("merge/<int:category>/<int:into>/", wrap(self.merge_view), name=f"{name}_merge"),
        ]
        return [*own, *super().get_urls()]

    def postpone_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Put a finding off, or take it up again where the form says "again"; the list's filters stand in the address."""
        if not request.user.has_perm(CAN_REVIEW):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        finding = get_object_or_404(TaxonomyFinding, pk=pk)
        if "again" in request.POST:
            take_up(finding)
            self.message_user(request, _("It is asked again."))
        else:
            postpone(finding)
            self.message_user(
                request, _("Put off: later searches do not ask it again. The filter shows what was put off.")
            )
        return redirect(f"{reverse(OVERVIEW)}?{request.GET.urlencode()}")

    def merge_into_view(self, request: HttpRequest, category: int) -> HttpResponse:
        """Ask which category one is to be merged into."""
        if not may_merge_categories(request):
            raise PermissionDenied
        tree, into = CategoryTree.load(include_inactive=True), small_number(request.GET.get("into", ""))
        if category not in tree:
            self.message_user(request, _("This category is no longer in the tree."), messages.ERROR)
            return redirect(OVERVIEW)
        if into is not None and into in tree:
            return redirect("admin:ad_autocategorize_taxonomyfinding_merge", category, into)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Merge two categories?"),
            "opts": self.opts,
            "source_path": path_text(tree, category),
            "targets": [
                (pk, path_text(tree, pk)) for pk in CategoryTree.load(scope=tree.scope(category)) if pk != category
            ],
        }
        return TemplateResponse(request, "admin/ad_autocategorize/taxonomyfinding/merge_into.html", context)

    def merge_view(self, request: HttpRequest, category: int, into: int) -> HttpResponse:
        """Tell what merging one category into another affects, and do it once confirmed."""
        if not may_merge_categories(request):
            raise PermissionDenied
        try:
            plan = plan_merge(category, into)
            if request.method == "POST":
                batch = uuid.uuid4()
                moved = merge(category, into, Reviewer(cast(AbstractBaseUser, request.user), batch=batch))
                values = {"ads": moved, "path": plan.target_path}
                text = _("Ads moved: %(ads)d, to %(path)s. Retrain the classifiers.") % values
                self.message_user(request, link_to_batch(text, batch))
                return redirect(OVERVIEW)
        except (MergeRefused, ReviewConflict, SourceError) as error:
            self.message_user(request, str(error), messages.ERROR)
            return redirect(OVERVIEW)
        reverse_url = reverse("admin:ad_autocategorize_taxonomyfinding_merge", args=[into, category])
        context = {
            **self.admin_site.each_context(request),
            "title": _("Merge two categories?"),
            "opts": self.opts,
            "plan": plan,
            "reverse_url": reverse_url,
        }
        return TemplateResponse(request, "admin/ad_autocategorize/taxonomyfinding/merge.html", context)

    def as_csv(self, request: HttpRequest) -> HttpResponse:
        """Return all findings under the list's filters as a CSV file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        findings: list[Any] = list(self.get_changelist_instance(request).queryset)
        attach_cards(findings, linked=False)
        return findings_csv(findings)


@admin.action(description=gettext_lazy("Merge the selected category into another…"), permissions=["merge"])
def merge_selected(model_admin: Any, request: HttpRequest, queryset: QuerySet[Category]) -> HttpResponse | None:
    """Lead from the list of categories to the pages that ask into which, tell what a merge affects, and do it."""
    if queryset.count() != 1:
        model_admin.message_user(request, _("Select one category; the next page asks for the other."), messages.ERROR)
        return None
    return redirect("admin:ad_autocategorize_taxonomyfinding_merge_into", queryset.get().pk)


def may_merge_categories(request: HttpRequest) -> bool:
    """Return whether somebody may merge; who may not see the overview would be led nowhere afterwards."""
    return request.user.has_perms((CAN_REVIEW, CAN_BULK_RELABEL, "ad_taxonomy.change_category"))
