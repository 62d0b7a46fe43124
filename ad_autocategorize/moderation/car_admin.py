"""Contradictory car fields in the admin: a list that leads to the ad, and remembers what is right as it is."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ad_autocategorize.moderation.admin import CAN_REVIEW, ReadOnlyAdmin
from ad_autocategorize.moderation.filters import StateFilter
from ad_autocategorize.moderation.models import CarIssue
from ad_autocategorize.moderation.presentation import ad_url, ads_by_key, title_of
from ad_autocategorize.sources import get_source


class CarIssueList(ChangeList):
    """Reads the ads of the page that is shown in one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        source = get_source()
        ads = ads_by_key([issue.ad_id for issue in self.result_list], source)
        for issue in self.result_list:
            ad = ads.get(issue.ad_id)
            issue.shown_title = title_of(ad, source) if ad is not None else _("(deleted)")
            issue.shown_url = ad_url(ad) if ad is not None else ""


@admin.register(CarIssue)
class CarIssueAdmin(ReadOnlyAdmin):
    """The ad itself is mended on its own page; the next search closes the entry."""

    list_display = ["ad_link", "field", "stated", "expected", "evidence", "seller"]
    list_display_links = None
    list_filter = [StateFilter, "field", "evidence"]
    search_fields = ["=seller", "=ad_id"]
    list_per_page = 50
    show_full_result_count = False
    actions = ["keep_selected"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(CAN_REVIEW) or super().has_view_permission(request, obj)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CarIssueList

    @admin.display(description=gettext_lazy("ad"))
    def ad_link(self, issue: Any) -> str:
        if not issue.shown_url:
            return str(issue.shown_title)
        return format_html('<a href="{}">{}</a>', issue.shown_url, issue.shown_title)

    @admin.action(description=gettext_lazy("The selected fields are right as they are"), permissions=["view"])
    def keep_selected(self, request: HttpRequest, queryset: QuerySet[CarIssue]) -> None:
        # Only what is still open is settled: of two moderators the first is recorded.
        found = queryset.filter(state=CarIssue.State.OPEN)
        count = found.update(state=CarIssue.State.KEPT, decided_by=request.user.pk, decided_at=timezone.now())
        self.message_user(request, _("Fields kept: %(count)d.") % {"count": count})
