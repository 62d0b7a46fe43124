"""Car ads whose fields contradict the car catalog, or what a photo shows."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.constants import LOOKUP_SEP

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.confidence import VERY_LIKELY
from ad_autocategorize.moderation.models import CarIssue
from ad_autocategorize.sources import CAR_FIELDS, CHUNK, AdSource, resolve_field
from taxonomy.models import CarModel

Evidence = CarIssue.Evidence

# Sellers date a car by the model year or by the first registration.
YEARS_OF_GRACE = 1
# Photos tell a year to a few years only.
PHOTO_YEARS = 4

# What a photo shows, by field of ``AdSource``: the most probable value's name and its probability.
PhotoAnswer = Mapping[str, tuple[str, float]]
ReadPhotos = Callable[[Any], PhotoAnswer]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A stated value that cannot be, or hardly, and what was expected in its place."""

    field: str
    evidence: str
    stated: str
    expected: str
    probability: float | None = None


@dataclass(slots=True)
class _Car:
    first_year: int | None
    last_year: int | None
    body_types: set[str] = field(default_factory=set)


class Catalog:
    """The car catalog by folded names, read in two queries."""

    def __init__(self) -> None:
        self._cars: dict[tuple[str, str], _Car] = {}
        self._brands: dict[str, set[str]] = defaultdict(set)
        keys = {}
        rows = CarModel.objects.values_list("pk", "brand__name", "name", "first_year", "last_year")
        for pk, brand, name, first, last in rows:
            keys[pk] = _fold(brand), _fold(name)
            self._cars[keys[pk]] = _Car(first, last)
            self._brands[_fold(name)].add(brand)
        for pk, body_type in CarModel.body_types.through.objects.values_list("carmodel_id", "bodytype__name"):
            self._cars[keys[pk]].body_types.add(body_type)

    def contradictions(self, stated: Mapping[str, str]) -> Iterator[Contradiction]:
        """Yield what of the stated values cannot be; a car that the catalog does not know is not judged."""
        brand, model = stated.get("brand", ""), stated.get("car_model", "")
        car = self._cars.get((_fold(brand), _fold(model)))
        if car is None:
            makers = self._brands.get(_fold(model), set())
            if brand and makers:
                yield Contradiction("brand", Evidence.CATALOG, brand, ", ".join(sorted(makers)))
            return
        body_type, year = stated.get("body_type", ""), stated.get("year", "")
        if body_type and car.body_types and _fold(body_type) not in map(_fold, car.body_types):
            yield Contradiction("body_type", Evidence.CATALOG, body_type, ", ".join(sorted(car.body_types)))
        if year.isdecimal():
            early = car.first_year is not None and int(year) < car.first_year - YEARS_OF_GRACE
            late = car.last_year is not None and int(year) > car.last_year + YEARS_OF_GRACE
            if early or late:
                years = f"{car.first_year or ''}-{car.last_year or ''}"
                yield Contradiction("year", Evidence.CATALOG, year, years)


def photo_contradictions(stated: Mapping[str, str], seen: PhotoAnswer) -> Iterator[Contradiction]:
    """Yield the stated values that a photo contradicts with high confidence; not one badge of a car for another."""
    badges = ("brand", "car_model") if _is_twin(stated, seen) else ()
    for name, (value, probability) in seen.items():
        given = "" if name in badges else stated.get(name, "")
        if not given or probability < VERY_LIKELY or _fold(given) == _fold(value):
            continue
        if name == "year" and given.isdecimal() and value.isdecimal() and abs(int(given) - int(value)) <= PHOTO_YEARS:
            continue
        yield Contradiction(name, Evidence.PHOTO, given, value, probability)


def _is_twin(stated: Mapping[str, str], seen: PhotoAnswer) -> bool:
    """Return whether the settings say that the car stated and the one seen are the same under two badges."""
    wanted = [_fold(stated.get(name, "")) for name in ("brand", "car_model")]
    shown = [_fold(seen[name][0]) if name in seen else None for name in ("brand", "car_model")]
    for group in plugin_settings.TWIN_CARS:
        cars = [[_fold(brand), _fold(model)] for brand, model in group]
        if wanted in cars and any(all(b in (None, a) for a, b in zip(car, shown, strict=True)) for car in cars):
            return True
    return False


def find_car_issues(source: AdSource, now: datetime, *, read_photos: ReadPhotos | None = None) -> int:
    """Bring the list of contradictions up to date, and return how many are open; those settled before stay settled.

    ``read_photos`` is asked about every ad with car fields; without it the catalog alone is.
    """
    if not any(getattr(source, name) for name in CAR_FIELDS):
        return 0
    catalog = Catalog()
    batch: list[CarIssue] = []
    for ad in car_ads(source):
        stated = stated_fields(source, ad)
        if not any(stated.values()):
            continue
        found = list(catalog.contradictions(stated))
        if read_photos is not None:
            found += photo_contradictions(stated, read_photos(ad))
        seller = str(source.value_of(ad, "seller") or "")
        batch += [_issue(ad, item, stated, seller, now) for item in found]
        if len(batch) >= CHUNK:
            _store(batch)
            batch = []
    _store(batch)
    CarIssue.objects.filter(state=CarIssue.State.OPEN, found_at__lt=now).delete()
    return CarIssue.objects.filter(state=CarIssue.State.OPEN).count()


def stated_fields(source: AdSource, ad: Any) -> dict[str, str]:
    """Return what an ad says of its car, by field; texts are empty where it says nothing."""
    return {name: _text(source.value_of(ad, name)) for name in CAR_FIELDS}


def car_ads(source: AdSource) -> Iterable[Any]:
    """Stream the published ads with the relations that their car fields follow; those of no car too."""
    relations = []
    for name in (*CAR_FIELDS, "seller"):
        described = getattr(source, name)
        if not described or not source.is_path(name):
            continue
        if resolve_field(source.ad_model(), described).is_relation:
            relations.append(described)
        elif LOOKUP_SEP in described:
            relations.append(described.rpartition(LOOKUP_SEP)[0])
    queryset = source.get_queryset()
    return (queryset.select_related(*relations) if relations else queryset).iterator(chunk_size=CHUNK)


def _issue(ad: Any, found: Contradiction, stated: Mapping[str, str], seller: str, now: datetime) -> CarIssue:
    text = "\x00".join([found.field, *(stated[name] for name in CAR_FIELDS)])
    return CarIssue(
        ad_id=str(ad.pk),
        field=found.field,
        evidence=found.evidence,
        stated=found.stated[:200],
        expected=found.expected[:500],
        probability=found.probability,
        seller=seller,
        fingerprint=hashlib.sha256(text.encode()).hexdigest(),
        found_at=now,
    )


def _store(batch: list[CarIssue]) -> None:
    with transaction.atomic():
        ad_ids = {issue.ad_id for issue in batch}
        rows = CarIssue.objects.select_for_update().filter(ad_id__in=ad_ids)
        known = {(row.ad_id, row.field, row.evidence): row for row in rows}
        for issue in batch:
            old = known.get((issue.ad_id, issue.field, issue.evidence))
            if old is None:
                issue.save(force_insert=True)
            elif old.state == CarIssue.State.OPEN or old.fingerprint != issue.fingerprint:
                issue.pk = old.pk
                issue.save(force_update=True)


def _text(value: Any) -> str:
    return str(getattr(value, "name", value) or "").strip() if value is not None else ""


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())
