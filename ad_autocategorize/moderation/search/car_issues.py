"""Car ads whose fields contradict the car catalog, or what a photo shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.confidence import VERY_LIKELY
from ad_autocategorize.models import CarIssue, ModelVersion
from ad_autocategorize.moderation.cars.catalog import Catalog, Contradiction
from ad_autocategorize.moderation.cars.stated import car_ads, describe, fingerprint, stated_fields, with_relations
from ad_autocategorize.moderation.queue.searching import folded_title
from ad_autocategorize.moderation.queue.transactions import lock_in_order, write_batch
from ad_autocategorize.sources import AdSource
from ad_autocategorize.sources.ads import title_of
from ad_autocategorize.sources.cars import CAR_FIELDS, fold
from ad_autocategorize.sources.streaming import CHUNK

Evidence = CarIssue.Evidence

# Photos tell a year to a few years only.
PHOTO_YEARS = 4

# What a photo shows, by field of ``AdSource``: the most probable value's name and its probability.
PhotoAnswer = Mapping[str, tuple[str, float]]
ReadPhotos = Callable[[Any], PhotoAnswer]


def photo_contradictions(stated: Mapping[str, str], seen: PhotoAnswer) -> Iterator[Contradiction]:
    """Yield the stated values that a photo contradicts with high confidence; not one badge of a car for another."""
    badges = ("brand", "car_model") if _is_twin(stated, seen) else ()
    for name, (value, probability) in seen.items():
        given = "" if name in badges else stated.get(name, "")
        if not given or probability < VERY_LIKELY or fold(given) == fold(value):
            continue
        if name == "year" and given.isdecimal() and value.isdecimal() and abs(int(given) - int(value)) <= PHOTO_YEARS:
            continue
        yield Contradiction(name, Evidence.PHOTO, given, value, probability, {name: value})


def _is_twin(stated: Mapping[str, str], seen: PhotoAnswer) -> bool:
    """Return whether the settings say that the car stated and the one seen are the same under two badges."""
    wanted = [fold(stated.get(name, "")) for name in ("brand", "car_model")]
    shown = [fold(seen[name][0]) if name in seen else None for name in ("brand", "car_model")]
    for group in plugin_settings.TWIN_CARS:
        cars = [[fold(brand), fold(model)] for brand, model in group]
        if wanted in cars and any(all(b in (None, a) for a, b in zip(car, shown, strict=True)) for car in cars):
            return True
    return False


def find_car_issues(source: AdSource, now: datetime, *, read_photos: ReadPhotos | None = None) -> int:
    """Bring the list of contradictions up to date, and return how many are open; those settled before stay settled.

    ``read_photos`` is asked about every ad with car fields; without it the catalog alone is.
    """
    if not any(getattr(source, name) for name in CAR_FIELDS):
        return 0
    catalog, photo_model = Catalog(), _photo_model() if read_photos else ""
    batch: list[CarIssue] = []
    for ad in car_ads(source):
        stated = stated_fields(source, ad)
        if not any(stated.values()):
            continue
        found = list(catalog.contradictions(stated))
        if read_photos is not None:
            found += _photo_findings(catalog, stated, read_photos(ad))
        seller, title = str(source.value_of(ad, "seller") or ""), folded_title(title_of(ad, source))
        rows = [_issue(ad, item, stated) for item in found]
        for row in rows:
            row.seller, row.found_at, row.folded_title = seller, now, title
            row.model = photo_model if row.evidence == Evidence.PHOTO else ""
        batch += rows
        if len(batch) >= CHUNK:
            write_batch(partial(_store, source, batch))
            batch = []
    write_batch(partial(_store, source, batch))
    _close(now, source, photos_seen=read_photos is not None)
    return CarIssue.objects.filter(state=CarIssue.State.OPEN).count()


def _issue(ad: Any, found: Contradiction, stated: Mapping[str, str]) -> CarIssue:
    issue = CarIssue(ad_id=str(ad.pk), field=found.field, evidence=found.evidence, probability=found.probability)
    describe(issue, found, stated)
    return issue


def _photo_findings(catalog: Catalog, stated: Mapping[str, str], seen: PhotoAnswer) -> Iterator[Contradiction]:
    model, probability = seen.get("car_model", ("", 0.0))
    sure = model if probability >= VERY_LIKELY else ""
    asked: list[Mapping[str, str]] = []
    for found in photo_contradictions(stated, seen):
        suggested = catalog.complete(stated, found.suggested, sure)
        # Brand and model that have to change together are one question.
        if not (len(suggested) > 1 and suggested in asked):
            yield replace(found, suggested=suggested)
        asked.append(suggested)


def _photo_model() -> str:
    active = ModelVersion.objects.filter(kind=ModelVersion.Kind.PHOTOS, is_active=True).first()
    return active.name if active else ""


def _store(source: AdSource, batch: list[CarIssue]) -> None:
    """Write what was found, but for the ads that a moderator has changed since they were read."""
    locked = lock_in_order(CarIssue.objects.filter(ad_id__in={issue.ad_id for issue in batch}))
    known = {(row.ad_id, row.field, row.evidence): row for row in locked}
    settled = {row.ad_id for row in known.values() if row.state != CarIssue.State.OPEN}
    ads = with_relations(source).filter(pk__in=settled) if settled else ()
    now = {str(ad.pk): stated_fields(source, ad) for ad in ads}
    for issue in batch:
        old = known.get((issue.ad_id, issue.field, issue.evidence))
        if issue.ad_id in settled and now.get(issue.ad_id) != issue.car:
            continue
        if old is None:
            issue.pk = None
            issue.save(force_insert=True)
        elif old.state == CarIssue.State.OPEN or old.fingerprint != issue.fingerprint:
            _renew(old, issue)


def _close(started: datetime, source: AdSource, *, photos_seen: bool) -> None:
    """Delete the open issues that were not found again.

    A search without photos (``photos_seen`` is false) leaves open what photos contradict, unless the car's fields have changed.
    """
    last: int | None = 0
    while last is not None:
        last = write_batch(partial(_close_batch, started, source, last, photos_seen=photos_seen))


def _close_batch(started: datetime, source: AdSource, last: int, *, photos_seen: bool) -> int | None:
    """Close issues with keys above ``last``; return the last of their keys, ``None`` where there were none."""
    stale = CarIssue.objects.filter(state=CarIssue.State.OPEN, found_at__lt=started, pk__gt=last).order_by("pk")
    # The lock waits for a moderator who is deciding about one of them; that one is no longer open then, and stays.
    issues = list(stale.select_for_update()[:CHUNK])
    if not issues:
        return None
    shown = [] if photos_seen else [issue for issue in issues if issue.evidence == CarIssue.Evidence.PHOTO]
    ads = with_relations(source).filter(pk__in={issue.ad_id for issue in shown}) if shown else ()
    now = {str(ad.pk): stated_fields(source, ad) for ad in ads}
    as_it_was = [
        issue.pk
        for issue in shown
        if issue.ad_id in now and fingerprint(issue.field, now[issue.ad_id]) == issue.fingerprint
    ]
    CarIssue.objects.filter(pk__in={issue.pk for issue in issues} - set(as_it_was)).delete()
    return issues[-1].pk


def _renew(old: CarIssue, issue: CarIssue) -> None:
    """Write what was found as the new state of the row ``old``.

    The version is raised if the question has changed: the decision of a moderator whose page shows the old one fails.
    """
    same = (old.state, old.fingerprint, old.expected) == (issue.state, issue.fingerprint, issue.expected)
    issue.pk, issue.version = old.pk, old.version if same else old.version + 1
    issue.save(force_update=True)
