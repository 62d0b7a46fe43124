"""What the review page shows of a car's field: the ad, its photos, and the car stated and suggested side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from ad_autocategorize.moderation.cars.catalog import Catalog
from ad_autocategorize.moderation.cars.options import Option, all_values, possible_values
from ad_autocategorize.moderation.models import CarIssue
from ad_autocategorize.moderation.queue.filters import CAR_FIELD_NAMES
from ad_autocategorize.moderation.queue.presentation import ad_url, ads_by_key, photo_urls, title_of
from ad_autocategorize.sources import get_source


@dataclass(frozen=True, slots=True)
class Line:
    """A field of the car and its value; ``parts`` where the two cars differ."""

    field: str
    value: str
    parts: bool


@dataclass(frozen=True, slots=True)
class CarItem:
    """An issue with all that its page shows."""

    issue: CarIssue
    title: str
    url: str
    photos: tuple[str, ...]
    field: str
    stated: tuple[Line, ...]
    suggested: tuple[Line, ...]
    possible: tuple[Option, ...]
    values: tuple[Option, ...]


def present_car(issue: CarIssue, catalog: Catalog) -> CarItem | None:
    """Return what an issue's page shows; ``None`` where the ad is gone."""
    source = get_source()
    ad = ads_by_key([issue.ad_id], source).get(issue.ad_id)
    if ad is None:
        return None
    car = {issue.field: issue.stated, **issue.car}
    suggested = issue.suggested or {issue.field: several(issue)}
    return CarItem(
        issue,
        title_of(ad, source),
        ad_url(ad),
        tuple(photo_urls(ad, source)),
        str(CAR_FIELD_NAMES[issue.field]),
        tuple(_lines(car, suggested)),
        tuple(_lines({**car, **suggested}, suggested)),
        tuple(possible_values(issue, catalog)),
        tuple(all_values(issue, source, catalog)),
    )


def several(issue: CarIssue) -> str:
    """Return what was expected, which is more than one value, or one that does not fit the rest of the car."""
    if issue.evidence == CarIssue.Evidence.PHOTO or issue.field == "year":
        return issue.expected
    return _("one of: %(values)s") % {"values": issue.expected}


def _lines(car: dict[str, str], suggested: dict[str, str]) -> Iterator[Line]:
    for name, label in CAR_FIELD_NAMES.items():
        if car.get(name):
            yield Line(str(label), car[name], name in suggested)
