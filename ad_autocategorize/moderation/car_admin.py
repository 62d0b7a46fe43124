"""Contradictory car fields in the admin: a list that leads to the ad, and remembers what is right as it is."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.main import ChangeList
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ad_autocategorize.moderation.admin import CAN_REVIEW, ReadOnlyAdmin
from ad_autocategorize.moderation.filters import CAR_FIELD_NAMES, CarFieldFilter, StateFilter
from ad_autocategorize.moderation.models import CarIssue
from ad_autocategorize.moderation.presentation import ad_url, ads_by_key, first_photos, title_of
from ad_autocategorize.sources import get_source

DECIDED = ("decided_by", "decided_at")


class CarIssueList(ChangeList):
    """Reads the ads of the page that is shown in one query, and their photos in another."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        source = get_source()
        ads = ads_by_key([issue.ad_id for issue in self.result_list], source)
        photos = first_photos(list(ads.values()), source)
        for issue in self.result_list:
            ad = ads.get(issue.ad_id)
            issue.shown_title = title_of(ad, source) if ad is not None else _("(deleted)")
            issue.shown_url = ad_url(ad) if ad is not None else ""
            issue.shown_photo = photos.get(ad.pk, "") if ad is not None else ""


@admin.register(CarIssue)
class CarIssueAdmin(ReadOnlyAdmin):
    """The ad itself is mended on its own page; the next search closes the entry."""

    list_display = ["photo", "ad_link", "field_name", "stated", "expected", "evidence", "sureness", "seller"]
    list_display_links = None
    list_filter = [StateFilter, CarFieldFilter, "evidence"]
    search_fields = ["=seller", "=ad_id"]
    list_per_page = 50
    show_full_result_count = False
    actions = ["keep_selected", "reopen_selected"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(CAN_REVIEW) or super().has_view_permission(request, obj)

    def has_review_permission(self, request: HttpRequest) -> bool:
        """Whether the entries may be settled, not only looked at."""
        return request.user.has_perm(CAN_REVIEW)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CarIssueList

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
        return str(CAR_FIELD_NAMES[issue.field])

    @admin.display(description=gettext_lazy("probability"), ordering="probability")
    def sureness(self, issue: CarIssue) -> str:
        return "" if issue.probability is None else f"{issue.probability:.0%}"

    @admin.action(description=gettext_lazy("The selected fields are right as they are"), permissions=["review"])
    def keep_selected(self, request: HttpRequest, queryset: QuerySet[CarIssue]) -> None:
        # Only what is still open is settled: of two moderators the first is recorded.
        count = self._settle(request, queryset.filter(state=CarIssue.State.OPEN), CarIssue.State.KEPT)
        self.message_user(request, _("Fields kept: %(count)d.") % {"count": count})

    @admin.action(description=gettext_lazy("Ask about the selected fields again"), permissions=["review"])
    def reopen_selected(self, request: HttpRequest, queryset: QuerySet[CarIssue]) -> None:
        count = self._settle(request, queryset.filter(state=CarIssue.State.KEPT), CarIssue.State.OPEN)
        self.message_user(request, _("Fields asked about again: %(count)d.") % {"count": count})

    @transaction.atomic
    def _settle(self, request: HttpRequest, queryset: QuerySet[CarIssue], state: CarIssue.State) -> int:
        """Change the state of the issues, with an entry for each in Django's admin log."""
        issues = list(queryset.select_for_update())
        kept = state == CarIssue.State.KEPT
        values = {"decided_by": request.user.pk, "decided_at": timezone.now()} if kept else dict.fromkeys(DECIDED)
        CarIssue.objects.filter(pk__in=[issue.pk for issue in issues]).update(state=state, **values)
        ads = ads_by_key([issue.ad_id for issue in issues], get_source())
        LogEntry.objects.bulk_create(
            LogEntry(
                user_id=cast(int, request.user.pk),
                content_type=ContentType.objects.get_for_model(ads[issue.ad_id]),
                object_id=issue.ad_id,
                object_repr=str(ads[issue.ad_id])[:200],
                action_flag=CHANGE,
                change_message=_log_text(issue, state),
            )
            for issue in issues
            if issue.ad_id in ads
        )
        return len(issues)


def _log_text(issue: CarIssue, state: CarIssue.State) -> str:
    values = {
        "state": state.label,
        "field": CAR_FIELD_NAMES[issue.field],
        "stated": issue.stated,
        "expected": issue.expected,
        "evidence": issue.get_evidence_display(),
    }
    return _("Car field review: %(state)s, %(field)s %(stated)s (%(evidence)s: %(expected)s).") % values
