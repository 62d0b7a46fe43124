"""What the review page shows of a car's field: the ad, its photos, and the car stated and suggested side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from ad_autocategorize.models import CarIssue
from ad_autocategorize.moderation.cars.catalog import Catalog
from ad_autocategorize.moderation.cars.options import Option, all_values, is_pair, pairs, possible_values
from ad_autocategorize.moderation.queue.ads import ad_url, description_of, price_of
from ad_autocategorize.sources import AdSource
from ad_autocategorize.sources.ads import ads_by_key, photo_urls, title_of
from ad_autocategorize.sources.cars import LABELS
from ad_autocategorize.sources.registered import car_source

# From more pairs of brand and model nobody chooses in one list: of a catalog of 5,000 it is half a megabyte.
LISTED_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class Line:
    """A field of the car and its value; ``parts`` says that the stated and the suggested car differ in it."""

    field: str
    value: str
    parts: bool


@dataclass(frozen=True, slots=True)
class CarItem:
    """An issue with all that its page shows.

    ``brands`` are those whose models can be asked for, where ``values`` are the models of some brands alone.
    """

    issue: CarIssue
    title: str
    url: str
    photos: tuple[str, ...]
    description: str
    price: str
    field: str
    stated: tuple[Line, ...]
    suggested: tuple[Line, ...]
    possible: tuple[Option, ...]
    values: tuple[Option, ...]
    brands: tuple[str, ...]


def present_car(issue: CarIssue, catalog: Catalog, brand: str, *, blind: bool) -> CarItem | None:
    """Return what an issue's page shows; ``None`` where the ad is gone.

    Where the catalog is long, ``brand`` is the one whose models are offered; empty for the ad's own, and those expected.
    """
    source = car_source()
    ad = ads_by_key([issue.ad_id], source).get(issue.ad_id)
    if ad is None:
        return None
    car = {issue.field: issue.stated, **issue.car}
    suggested = issue.suggested or {issue.field: several(issue)}
    values, brands = _choice(issue, source, catalog, brand, blind=blind)
    return CarItem(
        issue,
        title_of(ad, source),
        ad_url(ad),
        tuple(photo_urls(ad, source)),
        description_of(ad, source),
        price_of(ad, source),
        str(LABELS[issue.field]),
        # In blind mode only the field in question is marked: a second mark would say that it is to change too.
        tuple(_lines(car, {issue.field: ""} if blind else suggested)),
        tuple(_lines({**car, **suggested}, suggested)),
        tuple(possible_values(issue, catalog)),
        tuple(values),
        tuple(brands),
    )


def _choice(
    issue: CarIssue, source: AdSource, catalog: Catalog, brand: str, *, blind: bool
) -> tuple[list[Option], list[str]]:
    """Return the values to choose from and, where they are the models of some brands alone, all brands."""
    if not (is_pair(issue, source) and len(catalog) > LISTED_AT_ONCE):
        return all_values(issue, source, catalog), []
    at_hand = [brand] if brand else _brands_at_hand(issue, catalog, blind=blind)
    return pairs(catalog, at_hand), catalog.brands()


def _brands_at_hand(issue: CarIssue, catalog: Catalog, *, blind: bool) -> list[str]:
    """Return the brand that the ad states, and those that it may be; in blind mode the first alone, since the others tell."""
    car = {issue.field: issue.stated, **issue.car}
    stated = [car.get("brand", "")]
    if blind:
        return stated
    expected = issue.expected if issue.field == "brand" else ""
    return [*stated, expected, issue.suggested.get("brand", ""), *catalog.makers(car.get("car_model", ""))]


def several(issue: CarIssue) -> str:
    """Return what was expected, which is more than one value, or one that does not fit the rest of the car."""
    if issue.evidence == CarIssue.Evidence.PHOTO or issue.field == "year":
        return issue.expected
    return _("one of: %(values)s") % {"values": issue.expected}


def _lines(car: dict[str, str], suggested: dict[str, str]) -> Iterator[Line]:
    for name, label in LABELS.items():
        if car.get(name):
            yield Line(str(label), car[name], name in suggested)
