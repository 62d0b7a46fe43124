"""The car catalog as the review of car fields asks it: what cannot be, and what may go together."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ad_autocategorize.models import CarEvidence
from ad_autocategorize.sources.cars import fold
from taxonomy.models import CarModel

# Sellers date a car by the model year or by the first registration.
YEARS_OF_GRACE = 1


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A value that an ad states and that the catalog or a photo contradicts, and what was expected in its place.

    ``suggested`` is what to write, by field; empty where several values are possible.
    """

    field: str
    evidence: str
    stated: str
    expected: str
    probability: float | None = None
    suggested: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Car:
    pk: int
    brand: str
    name: str
    first_year: int | None
    last_year: int | None


class Catalog:
    """The car catalog by folded names, read in one query when it is first asked, and in another for the body types."""

    @cached_property
    def _cars(self) -> dict[tuple[str, str], _Car]:
        rows = CarModel.objects.order_by().values_list("pk", "brand__name", "name", "first_year", "last_year")
        return {(fold(row[1]), fold(row[2])): _Car(*row) for row in rows.iterator()}

    @cached_property
    def _makers(self) -> dict[str, set[str]]:
        makers: defaultdict[str, set[str]] = defaultdict(set)
        for (_brand, name), car in self._cars.items():
            makers[name].add(car.brand)
        return makers

    @cached_property
    def _bodies(self) -> dict[int, set[str]]:
        bodies: defaultdict[int, set[str]] = defaultdict(set)
        for pk, body_type in CarModel.body_types.through.objects.values_list("carmodel_id", "bodytype__name"):
            bodies[pk].add(body_type)
        return bodies

    def __len__(self) -> int:
        return len(self._cars)

    def brands(self) -> list[str]:
        """Return the brands that make a model, in alphabetical order."""
        return sorted({car.brand for car in self._cars.values()})

    def pairs(self, brands: Iterable[str] | None = None) -> list[tuple[str, str]]:
        """Return every brand, or each of those given, with every model of it, in alphabetical order."""
        wanted = None if brands is None else set(map(fold, brands))
        return sorted(
            (car.brand, car.name) for (brand, _name), car in self._cars.items() if wanted is None or brand in wanted
        )

    def makers(self, model: str) -> list[str]:
        """Return the brands that make a model of this name."""
        return sorted(self._makers.get(fold(model), ()))

    def body_types(self, stated: Mapping[str, str]) -> list[str]:
        """Return the body types of the car stated; none where the catalog does not know it."""
        car = self._car(stated)
        return sorted(self._bodies.get(car.pk, ())) if car else []

    def contradictions(self, stated: Mapping[str, str]) -> Iterator[Contradiction]:
        """Yield what of the stated values cannot be; a car that the catalog does not know is not judged."""
        car, brand = self._car(stated), stated.get("brand", "")
        if car is None:
            if brand and (makers := self.makers(stated.get("car_model", ""))):
                yield _found("brand", brand, makers)
            return
        body_type, year = stated.get("body_type", ""), stated.get("year", "")
        bodies = self.body_types(stated) if body_type else []
        if bodies and fold(body_type) not in map(fold, bodies):
            yield _found("body_type", body_type, bodies)
        if year.isdecimal() and not _was_made(car, int(year)):
            yield Contradiction("year", CarEvidence.CATALOG, year, **_years(car))

    def forbids(self, stated: Mapping[str, str], changes: Mapping[str, str]) -> Contradiction | None:
        """Return what one of the changes to a car would run up against; ``None`` if the catalog has nothing against them."""
        # A pair of brand and model that does not exist is reported as a wrong brand, whichever of the two changes.
        judged = {*changes, "brand"} if "car_model" in changes else set(changes)
        found = self.contradictions({**stated, **changes})
        return next((contradiction for contradiction in found if contradiction.field in judged), None)

    def complete(self, stated: Mapping[str, str], changes: Mapping[str, str], model: str = "") -> Mapping[str, str]:
        """Add the brand or model that must change together with ``changes``; empty if the catalog forbids the result.

        A new brand may need a new model: ``model`` is the one to use, empty if none is known. A new model may need its own
        brand, which the catalog tells if only one brand makes it.
        """
        if set(changes) == {"brand"} and _is_other_model(stated, model) and self._car({**changes, "car_model": model}):
            changes = {**changes, "car_model": model}
        elif set(changes) == {"car_model"} and self.forbids(stated, changes):
            makers = self.makers(changes["car_model"])
            if len(makers) == 1:
                changes = {"brand": makers[0], **changes}
        if self.forbids(stated, changes):
            return {}
        return changes

    def _car(self, stated: Mapping[str, str]) -> _Car | None:
        return self._cars.get((fold(stated.get("brand", "")), fold(stated.get("car_model", ""))))


def _is_other_model(stated: Mapping[str, str], model: str) -> bool:
    """Return whether ``model`` is known and is not the model that the ad states."""
    stated_model = stated.get("car_model", "")
    return bool(stated_model) and fold(model) not in ("", fold(stated_model))


def _found(name: str, stated: str, possible: list[str]) -> Contradiction:
    suggested = {name: possible[0]} if len(possible) == 1 else {}
    return Contradiction(name, CarEvidence.CATALOG, stated, ", ".join(possible), suggested=suggested)


def _years(car: _Car) -> dict[str, Any]:
    if car.first_year is not None and car.first_year == car.last_year:
        return {"expected": str(car.first_year), "suggested": {"year": str(car.first_year)}}
    return {"expected": f"{car.first_year or ''}-{car.last_year or ''}"}


def _was_made(car: _Car, year: int) -> bool:
    early = car.first_year is not None and year < car.first_year - YEARS_OF_GRACE
    late = car.last_year is not None and year > car.last_year + YEARS_OF_GRACE
    return not early and not late
