"""The feedback page in the admin, where the events of suggestions are listed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ad_autocategorize.models import CarFieldEvent, SuggestionEvent
from ad_autocategorize.moderation.feedback import figures
from ad_autocategorize.moderation.feedback.car_figures import car_figures
from ad_autocategorize.moderation.queue.read_only import CAN_REVIEW, RecordAdmin


class EventAdmin(RecordAdmin):
    """Events are counted rather than read one by one."""

    show_full_result_count = False
    change_list_template = "admin/ad_autocategorize/suggestionevent/change_list.html"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(CAN_REVIEW) or super().has_view_permission(request, obj)


@admin.register(CarFieldEvent)
class CarFieldEventAdmin(EventAdmin):
    """What became of each car field that photos answered."""

    list_display = ["created_at", "field", "handling", "outcome", "rank", "answered", "sure", "model_version", "ad_id"]
    list_filter = ["field", "handling", "outcome", "sure", "from_form", "created_at"]


@admin.register(SuggestionEvent)
class SuggestionEventAdmin(EventAdmin):
    """What became of the categories that each form showed."""

    list_display = ["created_at", "model_version", "shown", "outcome", "rank", "handling", "taken_rank", "ad_id"]
    list_filter = ["outcome", "handling", "from_form", "created_at"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.feedback_view)
        own = [path("feedback/", view, name="ad_autocategorize_suggestionevent_feedback")]
        return [*own, *super().get_urls()]

    def feedback_view(self, request: HttpRequest) -> HttpResponse:
        """Show what became of suggestions."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        versions = _("By model version, the newest %(count)d") % {"count": figures.VERSIONS}
        branches = _("By main category, the newest %(count)s events") % {"count": number_format(figures.BRANCH_SAMPLE)}
        groups = [(versions, figures.by_version()), (branches, figures.by_branch())]
        reviews = figures.reviews()
        context = {
            **self.admin_site.each_context(request),
            "title": _("What became of suggestions"),
            "opts": self.opts,
            "groups": [(_("All"), figures.totals()), *groups],
            "chart": figures.over_time(),
            "handling": figures.by_handling(),
            "places": figures.by_place(),
            "cars": car_figures(),
            "reviews": reviews,
            "leading": figures.leading(reviews),
        }
        return TemplateResponse(request, "admin/ad_autocategorize/suggestionevent/feedback.html", context)
