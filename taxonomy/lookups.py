"""Which comparisons an address may ask an admin's list for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest

if TYPE_CHECKING:
    _Base = admin.ModelAdmin
else:
    _Base = object

# What the lists' own links use, all of them bounded in cost.
COMPARISONS = frozenset(["exact", "in", "isnull", "lt", "lte", "gt", "gte", "year", "month", "day"])


class PlainLookupsMixin(_Base):
    """Put it before ``admin.ModelAdmin``: filters in the address compare values and do nothing else.

    Django lets an address filter a model's own fields by any lookup, regular expressions among them. A database that has none
    of its own, such as SQLite, runs them in Python, where a short one can take for ever.
    """

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Return whether the parameter ``lookup`` is no filter at all, or compares a field in a plain way."""
        return COMPARISONS.issuperset(_lookups(self.model, lookup)) and super().lookup_allowed(lookup, value, request)


def _lookups(model: type[Model], parameter: str) -> list[str]:
    """Return what a parameter names behind its field; nothing for a parameter that names no field of the model."""
    steps = parameter.split(LOOKUP_SEP)
    current: Any = model
    for place, step in enumerate(steps):
        if current is None:
            return steps[place:]
        try:
            field = current._meta.get_field(step)
        except FieldDoesNotExist:
            return steps[place:] if place else []
        current = getattr(field, "related_model", None)
    return []
