"""The filters of the review queue."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import FieldDoesNotExist
from django.db.models import CharField, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.db.models.options import Options
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from ad_autocategorize.models.decisions import OPEN
from ad_autocategorize.moderation.queue.numbers import MOST_DIGITS

HUGE_NUMBER = re.compile(rf"\d{{{MOST_DIGITS + 1}}}")


def refuse_bad_filters(view: Callable[..., HttpResponseBase], instead: str) -> Callable[..., HttpResponseBase]:
    """Wrap a view that reads a list's filters: where they make no sense, say so and lead to the page named ``instead``."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except IncorrectLookupParameters:
            messages.error(request, _("These filters make no sense and were taken off."))
            return redirect(instead)

    return wrapped


def refuse_huge_numbers(opts: Options[Any], parameters: Mapping[str, list[Any]]) -> None:
    """Raise ``IncorrectLookupParameters`` where a filter in the address holds a number that no column could."""
    for name, texts in parameters.items():
        try:
            field = opts.get_field(name.partition(LOOKUP_SEP)[0])
        except FieldDoesNotExist:
            continue
        # Sellers' names and ads' keys are texts, of whatever length.
        if not isinstance(field, CharField) and any(HUGE_NUMBER.search(str(text)) for text in texts):
            raise IncorrectLookupParameters


class StateFilter(admin.SimpleListFilter):
    """Open issues, unless another state is asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("all", _("All")), *model_admin.model.State.choices[1:]]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        model: Any = changelist.model
        for choice in super().choices(changelist):
            # Nothing chosen means open here.
            first = choice["query_string"] == changelist.get_query_string(remove=[self.parameter_name])
            yield {**choice, "display": model.State(OPEN).label} if first else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(state=self.value() or OPEN)
