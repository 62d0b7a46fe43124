"""A number that grows with every change to the car catalog, so that readers know whether theirs is that of today."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.db.models.signals import m2m_changed, post_delete, post_save

from taxonomy.models import BodyType, Brand, CarModel, Color, TaxonomyState

# The first row of the table is the category tree's.
STATE_PK = 2


def catalog_version() -> int:
    """Return the version. Changes that bypass Django's signals, such as ``QuerySet.update()``, do not raise it."""
    return TaxonomyState.objects.filter(pk=STATE_PK).values_list("version", flat=True).first() or 0


def raise_catalog_version(**_signal: Any) -> None:
    """Let readers read the catalog again."""
    if not TaxonomyState.objects.filter(pk=STATE_PK).update(version=F("version") + 1):
        TaxonomyState.objects.get_or_create(pk=STATE_PK, defaults={"version": 1})


def connect() -> None:
    """Raise the version with whatever is saved and deleted."""
    for model in (Brand, CarModel, BodyType, Color):
        for signal in (post_save, post_delete):
            signal.connect(
                raise_catalog_version, sender=model, dispatch_uid=f"taxonomy.catalog.{model.__name__}.{id(signal)}"
            )
    m2m_changed.connect(
        raise_catalog_version, sender=CarModel.body_types.through, dispatch_uid="taxonomy.catalog.bodies"
    )
