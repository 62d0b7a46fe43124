"""Admins of rows that nobody types, and what the pages of a review queue ask of their admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest
from django.utils.text import capfirst

from ad_autocategorize.models import Decision
from ad_autocategorize.moderation.queue.blind import is_blind
from ad_autocategorize.moderation.queue.filters import refuse_huge_numbers
from taxonomy.lookups import PlainLookupsMixin

CAN_REVIEW = "ad_autocategorize.can_review"
CAN_BULK_RELABEL = "ad_autocategorize.can_bulk_relabel"


class ReadOnlyAdmin(PlainLookupsMixin, admin.ModelAdmin):
    """Rows come from searches and decisions; nobody types them."""

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        # Our own filters (SimpleListFilter) need no check: they pass no unchecked number on to the database.
        own_parameters = {getattr(item, "parameter_name", None) for item in self.get_list_filter(request)}
        parameters = {name: values for name, values in request.GET.lists() if name not in own_parameters}
        refuse_huge_numbers(self.opts, parameters)
        changelist = super().get_changelist_instance(request)
        # In place of Django's title, which asks to select one to view.
        changelist.title = capfirst(str(self.opts.verbose_name_plural))
        return changelist

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RecordAdmin(ReadOnlyAdmin):
    """Rows for looking something up. The index leaves them out: the moderators' first page leads to them."""

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        return {}


class ReviewedAdmin(ReadOnlyAdmin):
    """The admin of a queue, as its review pages know it."""

    decision_model: ClassVar[type[Decision]]
    # The page that shows one entry after the other: a ``ReviewView``.
    review_view: ClassVar[type[Any]]
    # The fields that tell of the suggestion: a blind moderator's list is not filtered by them.
    suggestion_fields: ClassVar[tuple[str, ...]] = ()

    def has_review_permission(self, request: HttpRequest) -> bool:
        """Whether the entries may be decided, not only looked at."""
        return request.user.has_perm(CAN_REVIEW)

    def suggestion_filters(self, request: HttpRequest) -> list[str]:
        """Return the filters in the address that would tell a blind moderator of the suggestion."""
        given = request.GET if is_blind(request) else ()
        return [name for name in given if name.partition(LOOKUP_SEP)[0] in self.suggestion_fields]
