"""The brand-model table as the database has it now."""

from __future__ import annotations

from ad_autocategorize.photos.vocabularies import BoolArray, Pair, Vocabularies
from taxonomy.models import CarModel


def catalog_pairs() -> list[Pair]:
    """Return every brand and model of the car catalog."""
    return list(CarModel.objects.values_list("brand__name", "name"))


def table_of_today(vocabularies: Vocabularies) -> BoolArray:
    """Return which learned pairs may be answered, as bool[brands, models]: all of them where the catalog is empty.

    Raises ``ValueError`` where the catalog holds none of them.
    """
    table = vocabularies.compatibility(catalog_pairs() or None)
    if not table.any():
        raise ValueError("The car catalog holds none of the models that have photos: import_car_catalog adds them.")
    return table
