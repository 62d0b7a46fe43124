"""What the admins of the queues and of their decisions share."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar, cast
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ad_autocategorize.moderation.queue.blind import is_blind
from ad_autocategorize.moderation.queue.bulk_actions import (
    BULK_LIMIT,
    UNDO_LIMIT,
    act_on_each,
    at_most,
    confirmation_page,
    is_confirmed,
    shown_rows,
)
from ad_autocategorize.moderation.queue.decide_views import DecideView, UndoView
from ad_autocategorize.moderation.queue.deciding import DecisionBatch, Reviewer
from ad_autocategorize.moderation.queue.filters import refuse_bad_filters
from ad_autocategorize.moderation.queue.read_only import CAN_BULK_RELABEL, CAN_REVIEW, RecordAdmin, ReviewedAdmin
from ad_autocategorize.moderation.queue.searching import with_words
from ad_autocategorize.moderation.queue.views import ReviewView

SELLER_PARAMETER = "seller__exact"


def link_to_batch(text: str, batch: uuid.UUID, decisions: str = "reviewdecision") -> str:
    """Return a message that leads to the decisions of a bulk action, where they are undone."""
    url = f"{reverse(f'admin:ad_autocategorize_{decisions}_changelist')}?batch__exact={batch}"
    return format_html('{} <a href="{}">{}</a>', text, url, _("See or undo them"))


class QueueFilters(ChangeList):
    """The list's filters without the list: the review page wants one row, not the count of all and the ads of a page."""

    def get_results(self, request: HttpRequest) -> None:
        pass


class QueueAdmin(ReviewedAdmin):
    """A queue. Opening a row leads to its review page.

    ``batch_class`` is where bulk actions are decided.
    """

    list_class: ClassVar[type[ChangeList]]
    batch_class: ClassVar[type[DecisionBatch[Any]]]
    review_view: ClassVar[type[ReviewView]]
    decide_view: ClassVar[type[DecideView]]
    undo_view: ClassVar[type[UndoView]]
    decided_message: ClassVar[str | Promise]
    list_per_page = 50
    show_full_result_count = False
    change_list_template = "admin/ad_autocategorize/queue_list.html"

    def act_on(self, issue: Any, action: str, reviewer: Reviewer, batch: Any) -> None:
        """Do what the bulk action does to a row. Raises ``ReviewConflict``, ``SourceError``."""
        raise NotImplementedError

    def moves(self, issues: list[Any], *, blind: bool) -> Iterable[tuple[str, str]]:
        """Yield what each issue is about, for a person: what is given, and what was suggested."""
        raise NotImplementedError

    def success_message(self, action: str, done: int, batch: uuid.UUID) -> str:
        """Return what is said of what a bulk action did."""
        return link_to_batch(
            str(self.decided_message) % {"count": done}, batch, str(self.decision_model._meta.model_name)
        )

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_review_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_review_permission(request) or super().has_module_permission(request)

    def has_bulk_permission(self, request: HttpRequest) -> bool:
        """Whether bulk actions are offered."""
        return request.user.has_perm(CAN_BULK_RELABEL)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if telling := self.suggestion_filters(request):
            # An action does not go on either: without the filters more would be selected.
            self.message_user(request, _("These filters tell of the suggestion and were taken off."), messages.WARNING)
            left = request.GET.copy()
            for name in telling:
                del left[name]
            return redirect(f"{request.path}?{left.urlencode()}")
        # Those who may only look at the list are not led to the page that decides.
        return super().changelist_view(
            request, {"may_review": self.has_review_permission(request), **(extra_context or {})}
        )

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        # Django passes the place on from 6.1, and knows no such parameter before.
        place = {} if action_location is None else {"action_location": action_location}
        actions = super().get_actions(request, **place)
        if is_blind(request):
            # Nobody accepts what he does not see.
            actions.pop("accept_selected", None)
        return actions

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup == SELLER_PARAMETER or super().lookup_allowed(lookup, value, request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        match = request.resolver_match
        one_by_one = {f"{self._name}_{view}" for view in ("review", "decide", "undo")}
        return QueueFilters if match and match.url_name in one_by_one else self.list_class

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find entries by seller or number, as ``search_fields`` has them, or else by words of the title."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        return (found | with_words(queryset, search_term) if search_term.split() else found), may_repeat

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        review = refuse_bad_filters(self.review_view.as_view(model_admin=self), f"admin:{self._name}_review")
        own = [
            path("review/", wrap(review), name=f"{self._name}_review"),
            path("<int:pk>/decide/", wrap(self.decide_view.as_view(model_admin=self)), name=f"{self._name}_decide"),
            path("undo/<int:pk>/", wrap(self.undo_view.as_view(model_admin=self)), name=f"{self._name}_undo"),
        ]
        return [*own, *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        return redirect(f"{reverse(f'admin:{self._name}_review')}?issue={object_id}")

    @admin.display(description=gettext_lazy("seller"), ordering="seller")
    def seller_link(self, issue: Any) -> str:
        if not issue.seller:
            return ""
        return format_html('<a href="?{}">{}</a>', urlencode({SELLER_PARAMETER: issue.seller}), issue.seller)

    def in_bulk(self, request: HttpRequest, found: QuerySet[Any], action: str) -> HttpResponse | None:
        """Ask about the rows; once confirmed, decide about each."""
        if is_confirmed(request):
            # Only what the confirmation page showed is decided, and only in the version that it showed.
            shown = shown_rows(request, BULK_LIMIT)
            confirmed = list(found.filter(pk__in=shown))
            for issue in confirmed:
                issue.version = shown[issue.pk]
            self._decide_all(request, confirmed, action)
            return None
        issues = at_most(self, request, found, BULK_LIMIT)
        if issues is None:
            return None
        moves = Counter(self.moves(issues, blind=is_blind(request)))
        return confirmation_page(self, request, issues, moves, title=_("Are you sure?"), action=action)

    @property
    def _name(self) -> str:
        return f"ad_autocategorize_{self.opts.model_name}"

    def _decide_all(self, request: HttpRequest, issues: list[Any], action: str) -> None:
        batch_key = uuid.uuid4()
        reviewer = Reviewer(cast(AbstractBaseUser, request.user), blind=is_blind(request), batch=batch_key)
        act_on_each(
            self,
            request,
            issues,
            self.batch_class,
            lambda issue, batch: self.act_on(issue, action, reviewer, batch),
            lambda done: self.success_message(action, done, batch_key),
        )


class DecisionAdmin(RecordAdmin):
    """An audit trail, and where a bulk action is taken back; ``batch_class`` is where that is done."""

    batch_class: ClassVar[type[DecisionBatch[Any]]]
    search_fields = ["=ad_id", "=moderator_name", "=batch"]
    show_full_result_count = False
    actions = ["undo_selected"]

    def undo(self, decision: Any, reviewer: Reviewer, batch: Any) -> None:
        """Take one decision back. Raises ``ReviewConflict``, ``SourceError``."""
        raise NotImplementedError

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(CAN_REVIEW) or super().has_view_permission(request, obj)

    def has_bulk_permission(self, request: HttpRequest) -> bool:
        """Whether many decisions may be taken back at once."""
        return request.user.has_perm(CAN_BULK_RELABEL)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup == "batch__exact" or super().lookup_allowed(lookup, value, request)

    @admin.action(description=gettext_lazy("Undo the selected decisions"), permissions=["bulk"])
    def undo_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        standing = queryset.filter(undone_by=None).exclude(action="undone").order_by("-pk")
        if is_confirmed(request):
            self._undo_all(request, list(standing.filter(pk__in=shown_rows(request, UNDO_LIMIT))))
            return None
        decisions = at_most(self, request, standing, UNDO_LIMIT)
        if decisions is None:
            return None
        moves = Counter(decision.move[::-1] for decision in decisions)
        return confirmation_page(
            self, request, decisions, moves, title=_("Undo these decisions?"), action="undo_selected"
        )

    def _undo_all(self, request: HttpRequest, decisions: list[Any]) -> None:
        reviewer = Reviewer(cast(AbstractBaseUser, request.user), batch=uuid.uuid4())
        act_on_each(
            self,
            request,
            decisions,
            self.batch_class,
            lambda decision, batch: self.undo(decision, reviewer, batch),
            lambda done: _("Decisions undone: %(count)d.") % {"count": done},
        )
