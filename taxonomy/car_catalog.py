"""Bringing the car catalog in line with a list of rows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from django.db import router, transaction

from taxonomy.bulk import ImportSummary
from taxonomy.catalog_version import raise_catalog_version
from taxonomy.models import BodyType, Brand, CarModel
from taxonomy.names import clean_name
from taxonomy.progress import Progress, no_progress
from taxonomy.readers.cars import CarRow
from taxonomy.rows import NOTHING, ImportRefused

Named = TypeVar("Named", Brand, BodyType)
_Years = tuple[int | None, int | None]

# Signs that some catalogs leave out, as in "C-HR" and "CHR". Between digits they tell models apart: Saab's 93 and 9-3.
_IGNORED = re.compile(r"(?<!\d)[\s\-_.·'’]+|[\s\-_.·'’]+(?!\d)")
_BETWEEN_DIGITS = re.compile(r"[\s\-_.·'’]+")
# Names in daily use of brands whose whole names catalogs list.
_SHORT_NAMES = {"vw": "volkswagen", "mercedes": "mercedesbenz", "chevy": "chevrolet", "alfa": "alfaromeo"}


def fold_car_name(text: str) -> str:
    """Return what the spellings of a brand, model or body type have in common: "ALFA-ROMEO" and "Alfa Romeo"."""
    letters = unicodedata.normalize("NFKD", clean_name(text).casefold())
    plain = "".join(sign for sign in letters if not unicodedata.combining(sign))
    return _BETWEEN_DIGITS.sub("-", _IGNORED.sub("", plain))


def fold_brand(text: str) -> str:
    """Return the folded name of a brand, the same for a short name in daily use."""
    folded = fold_car_name(text)
    return _SHORT_NAMES.get(folded, folded)


@dataclass
class _Wanted:
    brand: str
    name: str
    years: list[_Years] = field(default_factory=list)
    body_types: dict[str, str] = field(default_factory=dict)


def upsert_cars(rows: Iterable[CarRow], *, dry_run: bool = False, progress: Progress = no_progress) -> ImportSummary:
    """Create car models, and widen the years and body types of existing ones to all that imports have said.

    Spellings of one name are one model. Years that were set by hand stay. Nothing is removed, since ads refer to the catalog. The
    summary counts car models; ``progress`` is called with (done, total). Raises ``ImportRefused``.
    """
    wanted: dict[tuple[str, str], _Wanted] = {}
    for row in rows:
        entry = wanted.setdefault((fold_brand(row.brand), fold_car_name(row.model)), _Wanted(row.brand, row.model))
        if (row.first_year, row.last_year) != (None, None):
            entry.years.append((row.first_year, row.last_year))
        for body in row.body_types:
            entry.body_types.setdefault(fold_car_name(body), body)
    if not wanted:
        raise ImportRefused(f"There are no cars in the input. {NOTHING}")
    with transaction.atomic(using=router.db_for_write(CarModel)):
        summary = _write(list(wanted.items()), progress)
        if dry_run:
            transaction.set_rollback(True, using=router.db_for_write(CarModel))
    return summary


def _write(wanted: Sequence[tuple[tuple[str, str], _Wanted]], progress: Progress) -> ImportSummary:
    summary = ImportSummary()
    brands = _named(Brand, {key[0]: entry.brand for key, entry in wanted})
    bodies = _named(BodyType, {key: name for _, entry in wanted for key, name in entry.body_types.items()})
    known = {(car.brand_id, fold_car_name(car.name)): car for car in CarModel.objects.order_by("-pk")}
    known_bodies: dict[int, set[int]] = {}
    for car, body in CarModel.body_types.through.objects.values_list("carmodel_id", "bodytype_id"):
        known_bodies.setdefault(car, set()).add(body)
    for number, ((brand, name), entry) in enumerate(wanted, start=1):
        model = known.get((brands[brand].pk, name))
        created = model is None
        if model is None:
            model = CarModel(brand=brands[brand], name=entry.name)
        by_hand = (model.first_year, model.last_year) != (model.imported_first_year, model.imported_last_year)
        changed = _widen_years(model, entry.years)
        if created or changed:
            model.save()
        elif by_hand and entry.years:
            summary.notes.append(f"{model.brand} {model.name}: the years {_text(model)} were set by hand and stay.")
        missing = {bodies[body].pk for body in entry.body_types} - known_bodies.get(model.pk, set())
        model.body_types.add(*missing)
        summary.created += created
        summary.updated += not created and (changed or bool(missing))
        summary.unchanged += not (created or changed or missing)
        progress(number, len(wanted))
    return summary


def _named(model: type[Named], names: dict[str, str]) -> dict[str, Named]:
    """Return the objects by folded name; those of which no spelling exists are created."""
    fold = fold_brand if model is Brand else fold_car_name
    existing = {fold(item.name): item for item in model.objects.order_by("-pk")}
    missing = {folded: name for folded, name in names.items() if folded not in existing}
    model.objects.bulk_create([model(name=name) for name in sorted(missing.values())])
    raise_catalog_version()
    added = {fold(item.name): item for item in model.objects.filter(name__in=missing.values())}
    return {folded: (existing | added)[folded] for folded in names}


def _widen_years(model: CarModel, years: Sequence[_Years]) -> bool:
    """Widen a model's years to include all of ``years``, unless they were set by hand; return whether that changed them."""
    before = model.first_year, model.last_year
    if not years or before != (model.imported_first_year, model.imported_last_year):
        return False
    spans = [*years, *([before] if before != (None, None) else [])]
    firsts, lasts = [first for first, _ in spans if first], [last for _, last in spans if last]
    # An end that one of them leaves open is open.
    model.first_year = min(firsts) if len(firsts) == len(spans) else None
    model.last_year = max(lasts) if len(lasts) == len(spans) else None
    model.imported_first_year, model.imported_last_year = model.first_year, model.last_year
    return before != (model.first_year, model.last_year)


def _text(model: CarModel) -> str:
    return f"{model.first_year or ''}-{model.last_year or ''}"
