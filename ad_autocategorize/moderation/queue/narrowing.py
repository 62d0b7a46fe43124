"""The filters of a queue's list on the pages around it: what can be chosen, and what a moderator chose last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, QueryDict

from ad_autocategorize.moderation.queue.filters import StateFilter

FILTERS_KEY = "ad_autocategorize_filters"


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """One value of a filter, and the address that chooses it, from the question mark on."""

    text: str
    query: str
    selected: bool


@dataclass(frozen=True, slots=True)
class FilterGroup:
    """A filter and its values, the first of which is all."""

    title: str
    choices: tuple[FilterChoice, ...]

    @property
    def chosen(self) -> str:
        """The value that narrows the queue; empty where none does."""
        return next((choice.text for choice in self.choices[1:] if choice.selected), "")


def filter_groups(listed: ChangeList) -> list[FilterGroup]:
    """Return the list's filters, but for the state: whoever reviews goes through what is open."""
    specs = [spec for spec in listed.filter_specs if not isinstance(spec, StateFilter)]
    return [FilterGroup(str(spec.title), tuple(_choices(spec, listed))) for spec in specs]


def _choices(spec: Any, listed: ChangeList) -> Iterator[FilterChoice]:
    for choice in spec.choices(listed):
        yield FilterChoice(str(choice["display"]), choice["query_string"], bool(choice["selected"]))


def remember_filters(request: HttpRequest, queue: str | None, filters: QueryDict) -> None:
    """Keep the filters of a queue in the session, for the moderator's next visit."""
    kept = request.session.get(FILTERS_KEY, {})
    # Saved only if they differ: writing to a session is a query.
    if kept.get(queue, "") != filters.urlencode():
        request.session[FILTERS_KEY] = {**kept, str(queue): filters.urlencode()}


def remembered_filters(request: HttpRequest, queue: str | None) -> str:
    """Return the filters that a queue was last gone through with, as an address has them."""
    kept: dict[str, str] = request.session.get(FILTERS_KEY, {})
    return kept.get(str(queue), "")
