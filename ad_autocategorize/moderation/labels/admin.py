"""The review queue in the admin: a list with filters and bulk actions, and a page that shows one ad after the other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ad_autocategorize.models import LabelIssue, ReviewDecision
from ad_autocategorize.moderation.labels.batch import LabelBatch
from ad_autocategorize.moderation.labels.filters import BranchFilter, SeverityFilter, SourceFilter
from ad_autocategorize.moderation.labels.presentation import parted, paths_side_by_side
from ad_autocategorize.moderation.labels.review import accept, keep, undo
from ad_autocategorize.moderation.labels.views import LabelDecideView, LabelReviewView, LabelUndoView
from ad_autocategorize.moderation.queue.admin import DecisionAdmin, QueueAdmin
from ad_autocategorize.moderation.queue.ads import path_text
from ad_autocategorize.moderation.queue.blind import HIDDEN, is_blind
from ad_autocategorize.moderation.queue.bulk_actions import is_confirmed
from ad_autocategorize.moderation.queue.deciding import Reviewer
from ad_autocategorize.moderation.queue.filters import StateFilter
from ad_autocategorize.sources import using_source
from ad_autocategorize.sources.ads import ads_by_key, title_of
from ad_autocategorize.sources.registered import source_name
from taxonomy.tree import CategoryTree


class QueueList(ChangeList):
    """Reads the ads of the page that is shown in one query, and the tree in another."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        tree, blind = CategoryTree.load(include_inactive=True), is_blind(request)
        for name in dict.fromkeys(map(source_name, self.result_list)):
            self._show_titles([issue for issue in self.result_list if source_name(issue) == name], name)
        for issue in self.result_list:
            # In blind mode the whole path in one piece: where it is parted says where the suggestion differs.
            shared_filed_suggested = parted(*paths_side_by_side(tree, issue.given_id, issue.suggested_id))
            issue.shown_paths = ("", path_text(tree, issue.given_id), HIDDEN) if blind else shared_filed_suggested
            issue.shown_doubt = (
                HIDDEN if blind else f"{issue.given_probability:.0%} / {issue.suggested_probability:.0%}"
            )

    def _show_titles(self, issues: list[Any], name: str) -> None:
        with using_source(name) as source:
            ads = ads_by_key([issue.ad_id for issue in issues], source)
            for issue in issues:
                ad = ads.get(issue.ad_id)
                issue.shown_title = title_of(ad, source) if ad is not None else _("(deleted)")


@admin.register(LabelIssue)
class LabelIssueAdmin(QueueAdmin):
    """The queue of ads that look mislabelled."""

    list_class = QueueList
    batch_class = LabelBatch
    decision_model = ReviewDecision
    review_view = LabelReviewView
    decide_view = LabelDecideView
    undo_view = LabelUndoView
    decided_message = gettext_lazy("Ads decided: %(count)d.")
    suggestion_fields = ("level", "kind", "suggested", "suggested_probability", "given_probability", "priority")
    list_display = ["ad_title", "paths", "doubt", "offered"]
    list_display_links = ["ad_title"]
    list_filter = [StateFilter, SourceFilter, SeverityFilter, "kind", BranchFilter, "ad_date"]
    search_fields = ["=seller", "=ad_id"]
    search_help_text = gettext_lazy("Words of the title, seller, or the ad's number")
    actions = ["accept_selected", "keep_selected"]

    def act_on(self, issue: LabelIssue, action: str, reviewer: Reviewer, batch: Any) -> None:
        (accept if action == "accept_selected" else keep)(issue, reviewer, batch)

    def moves(self, issues: list[LabelIssue], *, blind: bool) -> Iterator[tuple[str, str]]:
        tree = CategoryTree.load(include_inactive=True)
        for issue in issues:
            yield path_text(tree, issue.given_id), HIDDEN if blind else path_text(tree, issue.suggested_id)

    def get_list_filter(self, request: HttpRequest) -> Any:
        filters = super().get_list_filter(request)
        # In blind mode without those that give the suggestion away: where the two paths part, and why the ad is doubted.
        return [item for item in filters if item not in (SeverityFilter, "kind")] if is_blind(request) else filters

    @admin.display(description=gettext_lazy("ad"))
    def ad_title(self, issue: Any) -> str:
        return str(issue.shown_title)

    @admin.display(description=gettext_lazy("filed at → suggested"), ordering="given")
    def paths(self, issue: Any) -> str:
        # One below the other: two columns of paths would leave no room for anything else.
        shared, filed, suggested = issue.shown_paths
        above = format_html("{} ›<br>", shared) if shared else ""
        return format_html("{}{}<br>→ <strong>{}</strong>", above, filed or "·", suggested or "·")

    @admin.display(description=gettext_lazy("offered"), ordering="ad_date")
    def offered(self, issue: Any) -> str:
        day = date_format(_local(issue.ad_date), "SHORT_DATE_FORMAT") if issue.ad_date else ""
        # A line of its own: within a text, color alone would tell the link.
        return format_html("<div>{}</div><div>{}</div>", day, self.seller_link(issue))

    @admin.display(description=gettext_lazy("given / suggested"), ordering="-priority")
    def doubt(self, issue: Any) -> str:
        return str(issue.shown_doubt)

    @admin.action(description=gettext_lazy("File the selected ads as suggested"), permissions=["bulk"])
    def accept_selected(self, request: HttpRequest, queryset: QuerySet[LabelIssue]) -> HttpResponse | None:
        found = queryset.filter(state=LabelIssue.State.OPEN)
        # As ``LabelIssue.has_answer`` says it of one.
        unanswered = Q(kind=LabelIssue.Kind.PHOTO, suggested_probability__lt=F("given_probability"))
        if not is_confirmed(request) and (left := found.filter(unanswered).count()):
            text = _(
                "Left out, since only the photo speaks against the category: %(count)d. Decide about them one by one."
            )
            self.message_user(request, text % {"count": left}, messages.WARNING)
        return self.in_bulk(request, found.exclude(unanswered), "accept_selected")

    @admin.action(description=gettext_lazy("Keep the selected ads where they are"), permissions=["bulk"])
    def keep_selected(self, request: HttpRequest, queryset: QuerySet[LabelIssue]) -> HttpResponse | None:
        return self.in_bulk(request, queryset.filter(state=LabelIssue.State.OPEN), "keep_selected")


def _local(moment: datetime) -> datetime:
    return timezone.localtime(moment) if timezone.is_aware(moment) else moment


@admin.register(ReviewDecision)
class ReviewDecisionAdmin(DecisionAdmin):
    """The audit trail of categories."""

    batch_class = LabelBatch
    list_display = ["created_at", "moderator_name", "action", "ad_id", "paths", "blind"]
    list_filter = ["action", "blind", "created_at"]

    def undo(self, decision: ReviewDecision, reviewer: Reviewer, batch: Any) -> None:
        undo(decision, reviewer, batch)

    @admin.display(description=gettext_lazy("from → to"), ordering="from_path")
    def paths(self, decision: ReviewDecision) -> str:
        if decision.from_path == decision.to_path:
            return decision.to_path
        return format_html("{}<br>→ <strong>{}</strong>", *decision.move)
