"""Deleting old versions. The history of activations keeps their names."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.db.models import Max

from ad_autocategorize import model_storage
from ad_autocategorize.logs import log
from ad_autocategorize.models import ModelVersion

# How many of the versions that have served are kept, the active one included; and how many of those that never have.
KEPT_VERSIONS = 3


def prune(slot: Mapping[str, str], keep: int = KEPT_VERSIONS) -> list[str]:
    """Delete the rows and files of old versions of a kind, source and language; return their names.

    Kept are the active version, those that served last, and the newest of those that never served. The latter are counted by
    themselves: otherwise a week of refused versions would delete all that a rollback could lead to. Files that the storage cannot
    delete are left for the next training's sweep.
    """
    versions = ModelVersion.objects.filter(**slot)
    served = versions.filter(activated_at__isnull=False).annotate(turn=Max("activations"))
    served = served.order_by("-is_active", "-turn", "-pk")
    never = versions.filter(activated_at__isnull=True)
    kept = {*served.values_list("pk", flat=True)[:keep], *never.values_list("pk", flat=True)[:keep]}
    pruned = list(versions.exclude(pk__in=kept).exclude(is_active=True))
    for version in pruned:
        version.delete()
        try:
            model_storage.remove(version.name)
        except OSError:
            message = "The files of %s could not be deleted."
            log(logging.WARNING, "files_kept", message, version.name, exc_info=True, version=version.name)
    return [version.name for version in pruned]
