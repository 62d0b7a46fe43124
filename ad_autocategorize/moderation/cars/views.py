"""The review page of the car fields that contradict the catalog or a photo."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ad_autocategorize.models import CarDecision, CarIssue
from ad_autocategorize.moderation.cars.batch import CarBatch
from ad_autocategorize.moderation.cars.catalog import Catalog
from ad_autocategorize.moderation.cars.options import chosen_values, pressed_values
from ad_autocategorize.moderation.cars.presentation import CarItem, present_car
from ad_autocategorize.moderation.cars.review import accept, choose, keep, undo
from ad_autocategorize.moderation.queue.blind import is_blind
from ad_autocategorize.moderation.queue.decide_views import DecideView, UndoView
from ad_autocategorize.moderation.queue.deciding import Reviewer
from ad_autocategorize.moderation.queue.views import ReviewView


class CarReviewView(ReviewView):
    """Shows the car as the seller states it, and as it may be."""

    title = gettext_lazy("Review car fields")

    @cached_property
    def catalog(self) -> Catalog:
        """The car catalog."""
        return Catalog()

    def present(self, issue: CarIssue) -> CarItem | None:
        return present_car(issue, self.catalog, self.request.GET.get("brand", ""), blind=is_blind(self.request))

    def choices(self) -> dict[str, Any]:
        # A form that asks for another brand's models sends them along.
        return {"passed_on": [(name, value) for name, values in self.filters().lists() for value in values]}

    def following(self, queue: QuerySet[CarIssue], after: int) -> QuerySet[CarIssue]:
        return queue.filter(pk__gt=after)


class CarDecideView(DecideView):
    """Writes a value into an ad, or leaves it as it is."""

    def decide(self, issue: CarIssue, action: str, reviewer: Reviewer) -> CarDecision:
        batch = CarBatch()
        if action == "accept" and not reviewer.blind:
            return accept(issue, reviewer, batch)
        if action == "keep":
            return keep(issue, reviewer, batch)
        if action == "other":
            values = chosen_values(self.request.POST.get("value", ""), issue, batch.source, batch.catalog)
        else:
            values = pressed_values(action, issue, batch.catalog)
        return choose(issue, values, reviewer, batch)

    def suggestion(self, decision: CarDecision) -> str:
        return _("Expected was %(value)s.") % {"value": decision.expected}


class CarUndoView(UndoView):
    """Writes what the ad said before."""

    def undo(self, decision: CarDecision, reviewer: Reviewer) -> CarDecision:
        return undo(decision, reviewer)
