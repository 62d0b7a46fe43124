"""What became of the car fields that photos answered: the figures of the feedback page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ad_autocategorize.models import CarFieldEvent
from ad_autocategorize.sources.cars import FIELDS
from ad_autocategorize.statistics.proportions import Proportion

# A site that trains often has many versions.
VERSIONS = 6
_Handling, _Outcome = CarFieldEvent.Handling, CarFieldEvent.Outcome
# Events where the form filled nothing in and the seller stated a value himself: an opinion independent of the photo's. A value
# that the ad had before the form was opened is none, since an earlier photo may have filled it in.
OWN = ~Q(outcome=_Outcome.EMPTY) & Q(handling__in=[_Handling.STATED, _Handling.UNSURE, _Handling.UNFIT])
# "field" is counted, not "pk": it is never null, and part of the index, so that the rows themselves need not be read.
COUNTS = {
    "all": Count("field"),
    "kept": Count("field", filter=Q(handling=_Handling.KEPT)),
    "changed": Count("field", filter=Q(handling=_Handling.CHANGED)),
    "own": Count("field", filter=OWN),
    "own_first": Count("field", filter=OWN & Q(rank=1)),
    "own_three": Count("field", filter=OWN & Q(rank__lte=3)),
    "own_sure": Count("field", filter=OWN & Q(sure=True)),
    "own_sure_first": Count("field", filter=OWN & Q(sure=True, rank=1)),
}
_Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FieldFigures:
    """What became of answers.

    Attributes
    ----------
    filled : answers that were filled in, of all.
    kept : filled in and left as they were, of those filled in; the others were changed or emptied.
    first, three : of the answers beside which the seller stated a value on his own, those whose first value, or one of whose
        first three, was the seller's.
    sure : of those of them that were sure enough to be filled in, the ones whose first value was the seller's.
    """

    name: str
    filled: Proportion
    kept: Proportion
    first: Proportion
    three: Proportion
    sure: Proportion

    @property
    def changed(self) -> Proportion:
        """Filled in and then changed or emptied, of those filled in."""
        return Proportion(self.kept.whole - self.kept.part, self.kept.whole)


@dataclass(frozen=True, slots=True)
class CarFigures:
    """The figures of all events.

    Attributes
    ----------
    totals : of the events that the form recorded and, apart from them, of those that clients of the API sent.
    by_field, by_version : of the form's events alone.
    """

    totals: list[FieldFigures] = field(default_factory=list)
    by_field: list[FieldFigures] = field(default_factory=list)
    by_version: list[FieldFigures] = field(default_factory=list)

    @property
    def groups(self) -> list[tuple[str, list[FieldFigures]]]:
        """The tables of the page, with their names; none where there is no event."""
        versions = _("By model version, the newest %(count)d") % {"count": VERSIONS}
        named = [(_("By field"), self.by_field), (versions, self.by_version)]
        return [(_("All"), self.totals), *named] if self.totals else []


def car_figures() -> CarFigures:
    """Return the figures of all events, read in one pass over their index."""
    keys = ("model_version", "field", "from_form")
    rows = list(CarFieldEvent.objects.order_by(*keys).values(*keys).annotate(**COUNTS))
    if not rows:
        return CarFigures()
    origins = _summed(rows, "from_form")
    names = {True: _("recorded by the form"), False: _("told by clients of the API")}
    # Anybody may call the API: what its clients send counts in no other figure.
    own = [row for row in rows if row["from_form"]]
    fields, versions = _summed(own, "field"), _summed(own, "model_version")
    return CarFigures(
        [_figures(names[told], origins.get(told, _sum([]))) for told in names if told or told in origins],
        [_figures(str(capfirst(field.label)), fields[field.name]) for field in FIELDS if field.name in fields],
        [_figures(name, versions[name]) for name in sorted(versions, reverse=True)[:VERSIONS]],
    )


def _summed(rows: Iterable[Mapping[str, Any]], key: str) -> dict[Any, _Counts]:
    """Return the counts by the value of ``key``."""
    parted: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        parted.setdefault(row[key], []).append(row)
    return {value: _sum(part) for value, part in parted.items()}


def _sum(rows: Iterable[Mapping[str, Any]]) -> _Counts:
    total: Counter[str] = Counter()
    for row in rows:
        total.update({name: row[name] for name in COUNTS})
    return total


def _figures(name: str, counts: _Counts) -> FieldFigures:
    filled = counts["kept"] + counts["changed"]
    return FieldFigures(
        name,
        filled=Proportion(filled, counts["all"]),
        kept=Proportion(counts["kept"], filled),
        first=Proportion(counts["own_first"], counts["own"]),
        three=Proportion(counts["own_three"], counts["own"]),
        sure=Proportion(counts["own_sure_first"], counts["own_sure"]),
    )
