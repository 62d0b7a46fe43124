"""The review queue in the admin: a list with filters and bulk actions, and a page that shows one ad after the other."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ad_autocategorize.moderation.bulk_actions import (
    act_on_each,
    at_most,
    confirmation_page,
    is_confirmed,
    shown_rows,
)
from ad_autocategorize.moderation.filters import BranchFilter, SeverityFilter, StateFilter
from ad_autocategorize.moderation.merging import MERGE_LIMIT
from ad_autocategorize.moderation.models import LabelIssue, ReviewDecision
from ad_autocategorize.moderation.presentation import ads_by_key, path_text, title_of
from ad_autocategorize.moderation.review import Action, Reviewer, accept, keep, undo
from ad_autocategorize.moderation.views import DecideView, ReviewView, UndoView, is_blind
from ad_autocategorize.sources import get_source
from taxonomy.tree import CategoryTree

CAN_REVIEW = "ad_autocategorize.can_review"
CAN_BULK_RELABEL = "ad_autocategorize.can_bulk_relabel"
BULK_LIMIT = 1000
# A merge is taken back as it was done: at once.
UNDO_LIMIT = MERGE_LIMIT
SELLER_PARAMETER = "seller__exact"
# What stands in place of a suggestion in blind mode.
HIDDEN = "…"
REVIEW_NAME = "ad_autocategorize_labelissue_review"


def link_to_batch(text: str, batch: uuid.UUID) -> str:
    """Return a message that leads to the decisions of a bulk action, where they are undone."""
    url = f"{reverse('admin:ad_autocategorize_reviewdecision_changelist')}?batch__exact={batch}"
    return format_html('{} <a href="{}">{}</a>', text, url, _("See or undo them"))


class QueueList(ChangeList):
    """Reads the ads of the page that is shown in one query, and the tree in another."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        source, tree = get_source(), CategoryTree.load(include_inactive=True)
        ads, blind = ads_by_key([issue.ad_id for issue in self.result_list], source), is_blind(request)
        for issue in self.result_list:
            ad = ads.get(issue.ad_id)
            issue.shown_title = title_of(ad, source) if ad is not None else _("(deleted)")
            issue.shown_given = path_text(tree, issue.given_id)
            issue.shown_suggested = HIDDEN if blind else path_text(tree, issue.suggested_id)
            issue.shown_level = HIDDEN if blind else issue.level
            issue.shown_doubt = (
                HIDDEN if blind else f"{issue.given_probability:.0%} / {issue.suggested_probability:.0%}"
            )


class QueueFilters(ChangeList):
    """The list's filters without the list: the review page wants one row, not the count of all and the ads of a page."""

    def get_results(self, request: HttpRequest) -> None:
        pass


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows come from searches and decisions; nobody types them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(LabelIssue)
class LabelIssueAdmin(ReadOnlyAdmin):
    """The queue. Opening a row leads to its review page."""

    list_display = ["ad_title", "given_path", "suggested_path", "severity", "doubt", "seller_link", "ad_date"]
    list_display_links = ["ad_title"]
    list_filter = [StateFilter, SeverityFilter, "kind", BranchFilter, "ad_date"]
    search_fields = ["=seller", "=ad_id"]
    search_help_text = gettext_lazy("Seller, or the ad's number")
    list_per_page = 50
    show_full_result_count = False
    actions = ["accept_selected", "keep_selected"]
    change_list_template = "admin/ad_autocategorize/labelissue/change_list.html"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(CAN_REVIEW)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(CAN_REVIEW) or super().has_module_permission(request)

    def has_bulk_permission(self, request: HttpRequest) -> bool:
        """Whether bulk actions are offered."""
        return request.user.has_perm(CAN_BULK_RELABEL)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        if is_blind(request):
            # Nobody accepts what he does not see.
            actions.pop("accept_selected", None)
        return actions

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup == SELLER_PARAMETER or super().lookup_allowed(lookup, value, request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        match = request.resolver_match
        return QueueFilters if match and match.url_name == REVIEW_NAME else QueueList

    def get_urls(self) -> list[URLPattern]:
        name = "ad_autocategorize_labelissue"
        wrap = self.admin_site.admin_view
        own = [
            path("review/", wrap(ReviewView.as_view(model_admin=self)), name=REVIEW_NAME),
            path("<int:pk>/decide/", wrap(DecideView.as_view(model_admin=self)), name=f"{name}_decide"),
            path("undo/<int:pk>/", wrap(UndoView.as_view(model_admin=self)), name=f"{name}_undo"),
        ]
        return [*own, *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return redirect(f"{reverse(f'admin:{REVIEW_NAME}')}?issue={object_id}")

    @admin.display(description=gettext_lazy("ad"))
    def ad_title(self, issue: Any) -> str:
        return str(issue.shown_title)

    @admin.display(description=gettext_lazy("given"), ordering="given")
    def given_path(self, issue: Any) -> str:
        return str(issue.shown_given)

    @admin.display(description=gettext_lazy("suggested"), ordering="suggested")
    def suggested_path(self, issue: Any) -> str:
        return str(issue.shown_suggested)

    @admin.display(description=gettext_lazy("given / suggested"), ordering="-priority")
    def doubt(self, issue: Any) -> str:
        return str(issue.shown_doubt)

    @admin.display(description=gettext_lazy("level"), ordering="level")
    def severity(self, issue: Any) -> str:
        return str(issue.shown_level)

    @admin.display(description=gettext_lazy("seller"), ordering="seller")
    def seller_link(self, issue: LabelIssue) -> str:
        if not issue.seller:
            return ""
        return format_html('<a href="?{}">{}</a>', urlencode({SELLER_PARAMETER: issue.seller}), issue.seller)

    @admin.action(description=gettext_lazy("File the selected ads as suggested"), permissions=["bulk"])
    def accept_selected(self, request: HttpRequest, queryset: QuerySet[LabelIssue]) -> HttpResponse | None:
        return self._in_bulk(request, queryset, "accept_selected")

    @admin.action(description=gettext_lazy("Keep the selected ads where they are"), permissions=["bulk"])
    def keep_selected(self, request: HttpRequest, queryset: QuerySet[LabelIssue]) -> HttpResponse | None:
        return self._in_bulk(request, queryset, "keep_selected")

    def _in_bulk(self, request: HttpRequest, queryset: QuerySet[LabelIssue], action: str) -> HttpResponse | None:
        found = queryset.filter(state=LabelIssue.State.OPEN)
        if is_confirmed(request):
            # Only what the confirmation page showed is decided, and only in the version that it showed.
            shown = shown_rows(request)
            confirmed = list(found.filter(pk__in=shown))
            for issue in confirmed:
                issue.version = shown[issue.pk]
            self._decide_all(request, confirmed, action)
            return None
        issues = at_most(self, request, found, BULK_LIMIT)
        return None if issues is None else self._confirm(request, issues, action)

    def _confirm(self, request: HttpRequest, issues: list[LabelIssue], action: str) -> HttpResponse:
        tree, blind = CategoryTree.load(include_inactive=True), is_blind(request)
        moves = Counter(
            (path_text(tree, issue.given_id), HIDDEN if blind else path_text(tree, issue.suggested_id))
            for issue in issues
        )
        accepting = action == "accept_selected"
        return confirmation_page(
            self, request, issues, moves, title=_("Are you sure?"), action=action, accepting=accepting
        )

    def _decide_all(self, request: HttpRequest, issues: list[LabelIssue], action: str) -> None:
        batch, tree = uuid.uuid4(), CategoryTree.load(include_inactive=True)
        reviewer = Reviewer(cast(AbstractBaseUser, request.user), blind=is_blind(request), batch=batch)
        decide = accept if action == "accept_selected" else keep
        act_on_each(
            self,
            request,
            issues,
            lambda issue: decide(issue, reviewer, tree),
            lambda done: link_to_batch(_("Ads decided: %(count)d.") % {"count": done}, batch),
        )


@admin.register(ReviewDecision)
class ReviewDecisionAdmin(ReadOnlyAdmin):
    """The audit trail, and where a bulk action is taken back."""

    list_display = ["created_at", "moderator_name", "action", "ad_id", "from_path", "to_path", "model", "blind"]
    list_filter = ["action", "blind", "created_at"]
    search_fields = ["=ad_id", "=moderator_name", "=batch"]
    show_full_result_count = False
    actions = ["undo_selected"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(CAN_REVIEW) or super().has_view_permission(request, obj)

    def has_bulk_permission(self, request: HttpRequest) -> bool:
        """Whether many decisions may be taken back at once."""
        return request.user.has_perm(CAN_BULK_RELABEL)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup == "batch__exact" or super().lookup_allowed(lookup, value, request)

    @admin.action(description=gettext_lazy("Undo the selected decisions"), permissions=["bulk"])
    def undo_selected(self, request: HttpRequest, queryset: QuerySet[ReviewDecision]) -> HttpResponse | None:
        standing = queryset.filter(undone_by=None).exclude(action=Action.UNDONE).order_by("-pk")
        if is_confirmed(request):
            self._undo_all(request, list(standing.filter(pk__in=shown_rows(request))))
            return None
        decisions = at_most(self, request, standing, UNDO_LIMIT)
        if decisions is None:
            return None
        moves = Counter((decision.to_path, decision.from_path) for decision in decisions)
        return confirmation_page(
            self, request, decisions, moves, title=_("Undo these decisions?"), action="undo_selected"
        )

    def _undo_all(self, request: HttpRequest, decisions: list[ReviewDecision]) -> None:
        reviewer = Reviewer(cast(AbstractBaseUser, request.user), batch=uuid.uuid4())
        tree = CategoryTree.load(include_inactive=True)
        act_on_each(
            self,
            request,
            decisions,
            lambda decision: undo(decision, reviewer, tree),
            lambda done: _("Decisions undone: %(count)d.") % {"count": done},
        )
