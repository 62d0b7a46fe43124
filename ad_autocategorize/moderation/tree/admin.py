"""The taxonomy health page: what a search noticed about the categories, with examples, and as CSV."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, cast

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ad_autocategorize.models import TaxonomyFinding
from ad_autocategorize.moderation.labels.review import ReviewConflict, Reviewer
from ad_autocategorize.moderation.queue.admin import link_to_batch
from ad_autocategorize.moderation.queue.ads import ad_url, may_open_ads, path_text
from ad_autocategorize.moderation.queue.filters import refuse_bad_filters
from ad_autocategorize.moderation.queue.numbers import small_number
from ad_autocategorize.moderation.queue.read_only import CAN_BULK_RELABEL, CAN_REVIEW, ReadOnlyAdmin
from ad_autocategorize.moderation.tree.export import findings_csv
from ad_autocategorize.moderation.tree.merging import MergeRefused, merge, plan_merge
from ad_autocategorize.sources import AdSource, SourceError, using_source
from ad_autocategorize.sources.ads import ads_by_key, title_of
from ad_autocategorize.sources.registered import source_name
from taxonomy.models import Category
from taxonomy.tree import CategoryTree

OVERVIEW = "admin:ad_autocategorize_taxonomyfinding_changelist"


def attach_names(findings: Iterable[Any]) -> None:
    """Give findings the paths, numbers and example ads to show, in two queries for all."""
    findings = list(findings)
    tree = CategoryTree.load(include_inactive=True)
    for name in dict.fromkeys(map(source_name, findings)):
        with using_source(name) as source:
            _attach_examples([finding for finding in findings if source_name(finding) == name], source)
    for finding in findings:
        finding.shown_category = path_text(tree, finding.category_id)
        finding.shown_other = path_text(tree, finding.other_id) if finding.other_id else ""
        finding.shown_numbers = _numbers(finding, tree)


def _attach_examples(findings: Sequence[Any], source: AdSource) -> None:
    ads = ads_by_key([key for finding in findings for key in finding.examples], source)
    for finding in findings:
        finding.shown_examples = [(ads[key], title_of(ads[key], source)) for key in finding.examples if key in ads]


class FindingList(ChangeList):
    """Looks up the names of the page that is shown."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        attach_names(self.result_list)
        linked = may_open_ads(self.model_admin.admin_site, request)
        may_merge, tree = may_merge_categories(request), CategoryTree.load(include_inactive=True)
        for finding in self.result_list:
            is_pair = finding.kind == TaxonomyFinding.Kind.MERGE
            # What has others below it is not emptied.
            finding.shown_linked = linked
            finding.can_be_merged = may_merge and is_pair and not tree.children(finding.other_id)


@admin.register(TaxonomyFinding)
class TaxonomyFindingAdmin(ReadOnlyAdmin):
    """Each row is a question to whoever keeps the tree; nothing is changed here."""

    list_display = ["kind", "categories", "count", "numbers", "example_ads"]
    list_display_links = None
    list_filter = ["kind"]
    search_fields = ["category__name", "other__name"]
    list_per_page = 50
    change_list_template = "admin/ad_autocategorize/taxonomyfinding/change_list.html"

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["ad_autocategorize/taxonomy-health.css"]}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        found_at = TaxonomyFinding.objects.aggregate(last=Max("found_at"))["last"]
        own = {"title": capfirst(self.opts.verbose_name_plural), "found_at": found_at}
        return super().changelist_view(request, {**own, **(extra_context or {})})

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(CAN_REVIEW) or super().has_view_permission(request, obj)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return FindingList

    def get_urls(self) -> list[URLPattern]:
        name, wrap = "ad_autocategorize_taxonomyfinding", self.admin_site.admin_view
        own = [
            path("csv/", wrap(refuse_bad_filters(self.as_csv, OVERVIEW)), name=f"{name}_csv"),
            path("merge/<int:category>/", wrap(self.merge_into_view), name=f"{name}_merge_into"),
            path("merge/<int:category>/<int:into>/", wrap(self.merge_view), name=f"{name}_merge"),
        ]
        return [*own, *super().get_urls()]

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
        attach_names(findings)
        return findings_csv(findings)

    @admin.display(description=gettext_lazy("categories"), ordering="category__name")
    def categories(self, finding: Any) -> str:
        if not finding.shown_other:
            return str(finding.shown_category)
        sign = "↔" if finding.kind == TaxonomyFinding.Kind.MERGE else "→"
        return format_html("{}<br>{} {}", finding.shown_category, sign, finding.shown_other)

    @admin.display(description=gettext_lazy("ads"), ordering="ads")
    def count(self, finding: Any) -> str:
        # Where there is no room for columns, the head of this one goes along.
        return format_html('<span class="finding-label">{}: </span>{}', _("ads"), finding.ads)

    @admin.display(description=gettext_lazy("numbers"), ordering="weight")
    def numbers(self, finding: Any) -> str:
        if not finding.can_be_merged:
            return str(finding.shown_numbers)
        keys = [finding.other_id, finding.category_id]
        url = reverse("admin:ad_autocategorize_taxonomyfinding_merge", args=keys)
        return format_html('{} <a href="{}">{}</a>', finding.shown_numbers, url, _("Merge…"))

    @admin.display(description=gettext_lazy("examples"))
    def example_ads(self, finding: Any) -> str:
        links = ((_link(ad, title) if finding.shown_linked else title,) for ad, title in finding.shown_examples)
        items = format_html_join("", "<li>{}</li>", links)
        return format_html("<ul>{}</ul>", items) if items else ""


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


def _link(ad: Any, title: str) -> str:
    url = ad_url(ad)
    return format_html('<a href="{}">{}</a>', url, title) if url else title


def _numbers(finding: TaxonomyFinding, tree: CategoryTree) -> str:
    details = finding.details
    match finding.kind:
        case TaxonomyFinding.Kind.MERGE:
            values = {
                "there": f"{details['there']:.0%}",
                "back": f"{details['back']:.0%}",
                "count": details["near_identical_filed_differently"],
                "mixing": f"{finding.weight:.0%}",
            }
            text = _(
                "mixed to %(mixing)s; %(there)s of the first look like the second, %(back)s the other way; near-identical "
                "ads: %(count)s"
            )
            return text % values
        case TaxonomyFinding.Kind.SPLIT:
            return "; ".join(f"{' '.join(group['words'])} ({group['share']:.0%})" for group in details["groups"])
        case TaxonomyFinding.Kind.OTHERS:
            return "; ".join(f"{path_text(tree, pk)} ({count})" for pk, count in details["belong_to"])
    return ""
