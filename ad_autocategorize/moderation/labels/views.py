"""The review page of the ads that look mislabelled."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ad_autocategorize.categories.services import active_tree
from ad_autocategorize.models import LabelIssue, ReviewDecision
from ad_autocategorize.moderation.labels.choosing import listed_paths, matching, named_category
from ad_autocategorize.moderation.labels.presentation import LabelPage, present
from ad_autocategorize.moderation.labels.review import accept, choose, keep, undo
from ad_autocategorize.moderation.queue.decide_views import DecideView, UndoView
from ad_autocategorize.moderation.queue.deciding import ChoiceRefused, Reviewer
from ad_autocategorize.moderation.queue.numbers import small_number
from ad_autocategorize.moderation.queue.views import ReviewView
from taxonomy.tree import CategoryTree


class LabelReviewView(ReviewView):
    """Shows the given and the suggested path of an ad."""

    title = gettext_lazy("Review ads that look mislabelled")

    @cached_property
    def tree(self) -> CategoryTree:
        """All categories, those out of use too."""
        return CategoryTree.load(include_inactive=True)

    @cached_property
    def active(self) -> CategoryTree:
        """The categories that are offered."""
        return active_tree()

    def present(self, issue: LabelIssue) -> LabelPage | None:
        return present(issue, self.tree, self.active)

    def following(self, queue: QuerySet[LabelIssue], after: int) -> QuerySet[LabelIssue]:
        last = LabelIssue.objects.filter(pk=after).first()
        if last is None:
            return queue
        return queue.filter(Q(priority__lt=last.priority) | Q(priority=last.priority, pk__gt=last.pk))

    def choices(self) -> dict[str, Any]:
        typed = self.request.GET.get("value", "")
        return {"paths": listed_paths(self.active), "matches": matching(typed, self.active)}


class LabelDecideView(DecideView):
    """Files an ad, or leaves it where it is."""

    def decide(self, issue: LabelIssue, action: str, reviewer: Reviewer) -> ReviewDecision:
        if action == "accept" and not reviewer.blind:
            return accept(issue, reviewer)
        if action == "keep":
            return keep(issue, reviewer)
        if action == "other":
            return choose(issue, named_category(self.request.POST.get("value", ""), active_tree()), reviewer)
        category = small_number(action)
        if category is None:
            raise ChoiceRefused(_("Choose a category first."))
        return choose(issue, category, reviewer)

    def suggestion(self, decision: ReviewDecision) -> str:
        return _("The suggestion was %(path)s.") % {"path": decision.suggested_path}


class LabelUndoView(UndoView):
    """Files an ad where it was."""

    def undo(self, decision: ReviewDecision, reviewer: Reviewer) -> ReviewDecision:
        return undo(decision, reviewer)
