"""The five fields of a car, described once: their names everywhere, and what they say as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class CarField:
    """One field of a car.

    Attributes
    ----------
    name : its name in an ``AdSource``, in events and in the queue.
    head : its head in the photo network.
    label : what people call it, as within a sentence.
    """

    name: str
    head: str
    label: _StrPromise


FIELDS = (
    CarField("brand", "brand", _("brand")),
    CarField("car_model", "model", _("model")),
    CarField("body_type", "body_type", _("body type")),
    CarField("color", "color", _("color")),
    CarField("year", "year", _("year")),
)
CAR_FIELDS = tuple(field.name for field in FIELDS)
FIELD_OF_HEAD = {field.head: field.name for field in FIELDS}
LABELS = {field.name: field.label for field in FIELDS}
# The same as headings, by the names of the network.
HEADINGS = {field.head: capfirst(field.label) for field in FIELDS}

# The field by which a row of a table of brands, models, body types or colors is known.
NAME = "name"


def text_of(value: Any) -> str:
    """Return what a value says: a row's name, or the value itself; nothing for ``None``."""
    return str(getattr(value, NAME, value) or "").strip() if value is not None else ""


def fold(text: str) -> str:
    """Return the text without what two spellings of a name differ in: case and spaces."""
    return " ".join(text.casefold().split())
