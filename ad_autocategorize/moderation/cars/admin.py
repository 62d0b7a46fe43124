"""Contradictory car fields in the admin: the queue, with its bulk actions, and the trail of decisions."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ad_autocategorize.models import CarDecision, CarIssue, car_text
from ad_autocategorize.moderation.cars.batch import CarBatch
from ad_autocategorize.moderation.cars.filters import CarFieldFilter
from ad_autocategorize.moderation.cars.presentation import several
from ad_autocategorize.moderation.cars.review import accept, keep, reopen, undo
from ad_autocategorize.moderation.cars.views import CarDecideView, CarReviewView, CarUndoView
from ad_autocategorize.moderation.queue.admin import DecisionAdmin, QueueAdmin
from ad_autocategorize.moderation.queue.ads import ad_url, may_open_ads
from ad_autocategorize.moderation.queue.blind import HIDDEN, is_blind
from ad_autocategorize.moderation.queue.bulk_actions import is_confirmed
from ad_autocategorize.moderation.queue.deciding import Reviewer
from ad_autocategorize.moderation.queue.filters import StateFilter
from ad_autocategorize.sources.ads import ads_by_key, first_photos, title_of
from ad_autocategorize.sources.cars import LABELS
from ad_autocategorize.sources.registered import car_source

ACTS = {"accept_selected": accept, "keep_selected": keep, "reopen_selected": reopen}


class CarIssueList(ChangeList):
    """Reads the ads of the page that is shown in one query, and their photos in another."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        source, blind = car_source(), is_blind(request)
        linked = may_open_ads(self.model_admin.admin_site, request)
        ads = ads_by_key([issue.ad_id for issue in self.result_list], source)
        photos = first_photos(list(ads.values()), source)
        for issue in self.result_list:
            ad = ads.get(issue.ad_id)
            issue.shown_title = title_of(ad, source) if ad is not None else _("(deleted)")
            issue.shown_url = ad_url(ad) if ad is not None and linked else ""
            issue.shown_photo = photos.get(ad.pk, "") if ad is not None else ""
            issue.shown_expected = HIDDEN if blind else _expected(issue)


@admin.register(CarIssue)
class CarIssueAdmin(QueueAdmin):
    """The queue of car fields."""

    list_class = CarIssueList
    batch_class = CarBatch
    decision_model = CarDecision
    review_view = CarReviewView
    decide_view = CarDecideView
    undo_view = CarUndoView
    decided_message = gettext_lazy("Fields decided: %(count)d.")
    suggestion_fields = ("expected", "suggested")
    list_display = [
        "photo",
        "field_name",
        "ad_link",
        "values",
        "evidence",
        "seller_link",
    ]
    list_filter = [StateFilter, CarFieldFilter, "evidence", "found_at"]
    search_fields = ["=seller", "=ad_id"]
    search_help_text = gettext_lazy("Words of the title, seller, or the ad's number")
    actions = ["accept_selected", "keep_selected", "reopen_selected"]

    def act_on(self, issue: CarIssue, action: str, reviewer: Reviewer, batch: Any) -> None:
        ACTS[action](issue, reviewer, batch)

    def success_message(self, action: str, done: int, batch: uuid.UUID) -> str:
        if action == "reopen_selected":
            # What undoes is not undone itself: there is nothing to lead to.
            return _("Fields that are asked about again: %(count)d.") % {"count": done}
        return super().success_message(action, done, batch)

    def moves(self, issues: list[CarIssue], *, blind: bool) -> Iterator[tuple[str, str]]:
        for issue in issues:
            car = {issue.field: issue.stated, **issue.car}
            stated = (
                {issue.field: issue.stated} if blind else {name: car[name] for name in issue.suggested or [issue.field]}
            )
            yield f"{LABELS[issue.field]}: {car_text(stated)}", HIDDEN if blind else _expected(issue)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Those who may look at the list see it, without the page that decides.
        return super().has_view_permission(request, obj) or request.user.has_perm("ad_autocategorize.view_carissue")

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        return ["field_name"] if self.has_review_permission(request) else None

    @admin.display(description=gettext_lazy("ad"))
    def ad_link(self, issue: Any) -> str:
        if not issue.shown_url:
            return str(issue.shown_title)
        return format_html('<a href="{}">{}</a>', issue.shown_url, issue.shown_title)

    @admin.display(description=gettext_lazy("photo"))
    def photo(self, issue: Any) -> str:
        return (
            format_html('<img src="{}" alt="" height="72" loading="lazy">', issue.shown_photo)
            if issue.shown_photo
            else ""
        )

    @admin.display(description=gettext_lazy("field"), ordering="field")
    def field_name(self, issue: CarIssue) -> str:
        return str(LABELS[issue.field])

    @admin.display(description=gettext_lazy("stated → expected"), ordering="stated")
    def values(self, issue: Any) -> str:
        shown = format_html("{}<br>→ <strong>{}</strong>", issue.stated, issue.shown_expected)
        if issue.probability is None or issue.shown_expected == HIDDEN:
            return shown
        return format_html("{} ({})", shown, f"{issue.probability:.0%}")

    @admin.action(description=gettext_lazy("Write the expected values into the selected ads"), permissions=["bulk"])
    def accept_selected(self, request: HttpRequest, queryset: QuerySet[CarIssue]) -> HttpResponse | None:
        found = queryset.filter(state=CarIssue.State.OPEN)
        certain = found.exclude(suggested={})
        if not is_confirmed(request) and (left := found.count() - certain.count()):
            text = _(
                "Left out, since no single value is known to fit the car: %(count)d. Decide about them one by one."
            )
            self.message_user(request, text % {"count": left}, messages.WARNING)
        return self.in_bulk(request, certain, "accept_selected")

    @admin.action(description=gettext_lazy("The selected fields are right as they are"), permissions=["bulk"])
    def keep_selected(self, request: HttpRequest, queryset: QuerySet[CarIssue]) -> HttpResponse | None:
        return self.in_bulk(request, queryset.filter(state=CarIssue.State.OPEN), "keep_selected")

    @admin.action(description=gettext_lazy("Ask about the selected fields again"), permissions=["bulk"])
    def reopen_selected(self, request: HttpRequest, queryset: QuerySet[CarIssue]) -> HttpResponse | None:
        return self.in_bulk(request, queryset.filter(state=CarIssue.State.KEPT), "reopen_selected")


@admin.register(CarDecision)
class CarDecisionAdmin(DecisionAdmin):
    """The audit trail of car fields."""

    batch_class = CarBatch
    list_display = [
        "created_at", "moderator_name", "action", "ad_id", "field_name", "values", "evidence", "blind",
    ]  # fmt: skip
    list_filter = ["action", "evidence", "blind", "created_at"]

    def undo(self, decision: CarDecision, reviewer: Reviewer, batch: Any) -> None:
        undo(decision, reviewer, batch)

    @admin.display(description=gettext_lazy("field"), ordering="field")
    def field_name(self, decision: CarDecision) -> str:
        return str(LABELS[decision.field])

    @admin.display(description=gettext_lazy("from → to"))
    def values(self, decision: CarDecision) -> str:
        before, after = decision.move
        return after if before == after else format_html("{}<br>→ <strong>{}</strong>", before, after)


def _expected(issue: CarIssue) -> str:
    return car_text(issue.suggested) if issue.suggested else several(issue)
