"""The brand-model table as the database has it now."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from ad_autocategorize.photos.vocabularies import BoolArray, Pair, Vocabularies
from taxonomy.catalog_version import catalog_version
from taxonomy.models import CarModel

# Seconds after which the catalog is read again though its version says that nothing has changed.
MOST_AGE = 60


@dataclass(frozen=True, slots=True)
class CatalogRows:
    """All models of the car catalog: (brand, name), and the key of each as text."""

    pairs: tuple[Pair, ...]
    keys: Mapping[Pair, str]


def catalog_rows() -> CatalogRows:
    """Return the car catalog; one small query while nothing changes."""
    return _read(catalog_version(), int(time.monotonic() // MOST_AGE))


@lru_cache(maxsize=1)
def _read(version: int, period: int) -> CatalogRows:
    rows = CarModel.objects.order_by().values_list("brand__name", "name", "pk")
    keys = {(brand, name): str(pk) for brand, name, pk in rows}
    return CatalogRows(tuple(keys), keys)


def forget_catalog() -> None:
    """Read the catalog again when it is asked for next."""
    _read.cache_clear()


def catalog_pairs() -> list[Pair]:
    """Return every brand and model of the car catalog, read afresh."""
    return list(CarModel.objects.values_list("brand__name", "name"))


def table_of_today(vocabularies: Vocabularies) -> BoolArray:
    """Return which learned pairs may be answered, as bool[brands, models]: all of them where the catalog is empty.

    Raises ``ValueError`` where the catalog holds none of them.
    """
    table = vocabularies.compatibility(catalog_pairs() or None)
    if not table.any():
        raise ValueError("The car catalog holds none of the models that have photos: import_car_catalog adds them.")
    return table
