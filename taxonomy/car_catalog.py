"""Bringing the car catalog in line with a list of rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from django.db import transaction

from taxonomy.bulk import ImportRefused, ImportSummary
from taxonomy.models import BodyType, Brand, CarModel
from taxonomy.progress import Progress, no_progress
from taxonomy.readers.cars import CarRow

Named = TypeVar("Named", Brand, BodyType)


@dataclass
class _Wanted:
    years: list[int] = field(default_factory=list)
    body_types: set[str] = field(default_factory=set)


def upsert_cars(rows: Iterable[CarRow], *, dry_run: bool = False, progress: Progress = no_progress) -> ImportSummary:
    """Create models and widen what is known of them: years to the earliest and latest seen, body types to all seen.

    The summary counts car models. Nothing is removed, since ads refer to the catalog. ``progress`` is called with (done,
    total). Raises ``ImportRefused``.
    """
    wanted: dict[tuple[str, str], _Wanted] = {}
    for row in rows:
        entry = wanted.setdefault((row.brand, row.model), _Wanted())
        entry.years += [year for year in (row.first_year, row.last_year) if year]
        entry.body_types |= {row.body_type} if row.body_type else set()
    if not wanted:
        raise ImportRefused("There are no cars in the input. Nothing was imported.")
    summary = ImportSummary()
    with transaction.atomic():
        brands = _named(Brand, {brand for brand, _ in wanted})
        bodies = _named(BodyType, {body for entry in wanted.values() for body in entry.body_types})
        known = {(car.brand.name, car.name): car for car in CarModel.objects.select_related("brand")}
        known_bodies: dict[int, set[str]] = {}
        for car, body in CarModel.body_types.through.objects.values_list("carmodel_id", "bodytype__name"):
            known_bodies.setdefault(car, set()).add(body)
        for number, ((brand, name), entry) in enumerate(wanted.items(), start=1):
            model = known.get((brand, name))
            created = model is None
            if model is None:
                model = CarModel(brand=brands[brand], name=name)
            changed = _widen_years(model, entry.years)
            if created or changed:
                model.save()
            missing = entry.body_types - known_bodies.get(model.pk, set())
            model.body_types.add(*(bodies[body] for body in missing))
            summary.created += created
            summary.updated += not created and (changed or bool(missing))
            summary.unchanged += not (created or changed or missing)
            progress(number, len(wanted))
        if dry_run:
            transaction.set_rollback(True)
    return summary


def _named(model: type[Named], names: set[str]) -> dict[str, Named]:
    """Return the objects of these names, made where missing."""
    existing = set(model.objects.filter(name__in=names).values_list("name", flat=True))
    model.objects.bulk_create([model(name=name) for name in sorted(names - existing)])
    return {item.name: item for item in model.objects.filter(name__in=names)}


def _widen_years(model: CarModel, years: list[int]) -> bool:
    before = model.first_year, model.last_year
    if years:
        model.first_year = min([*years, *([model.first_year] if model.first_year else [])])
        model.last_year = max([*years, *([model.last_year] if model.last_year else [])])
    return before != (model.first_year, model.last_year)
