"""Recording a trained version with the verdict of the gate, and deleting what interrupted trainings left behind."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from django.db import router, transaction
from django.utils import timezone

from ad_autocategorize import model_storage, registry
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.models import ModelVersion, Origin, Reason
from ad_autocategorize.versions.gate import Verdict
from ad_autocategorize.versions.history import active_version
from ad_autocategorize.versions.provenance import library_versions
from ad_autocategorize.versions.pruning import prune


@dataclass(frozen=True, slots=True)
class Training:
    """How a training was started, and what is to become of its version.

    Attributes
    ----------
    activate : whether the version is put into service if it passes the gate.
    force : whether it is put into service even if it does not pass.
    origin : one of ``Origin``.
    by : the user who started it, where one is known.
    """

    activate: bool = True
    force: bool = False
    origin: str = Origin.COMMAND
    by: Any = None


def new_name(prefix: str) -> str:
    """Return a name for a version and its folder: the time in UTC, and random digits in case of two at the same time."""
    return f"{prefix}{timezone.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def record(training: Training, verdict: Verdict, **fields: Any) -> ModelVersion:
    """Record a version whose folder is in place, and in the same transaction promote it if it may serve.

    If there is a storage of models, its files are put there first. At the end old versions are deleted. ``fields`` are those of
    ``ModelVersion``. Raises ``OSError``.
    """
    model_storage.put(fields["name"])
    promoted = training.activate and (verdict.passed or training.force)
    forced = promoted and not verdict.passed
    with transaction.atomic(using=router.db_for_write(ModelVersion)):
        version = ModelVersion.objects.create(
            **fields,
            verdict=verdict.to_dict(),
            is_refused=not verdict.passed and not forced,
            forced=forced,
            origin=training.origin,
            started_by=training.by,
            libraries=library_versions(),
        )
        if promoted:
            version.activate(_reason(version, forced), origin=training.origin, by=training.by)
    registry.expire()
    prune(version.slot)
    return version


def _reason(version: ModelVersion, forced: bool) -> Reason:
    if forced:
        return Reason.FORCED
    return Reason.PROMOTED if active_version(version.slot) else Reason.FIRST


def sweep(*prefixes: str) -> None:
    """Delete folders whose names begin with one of the prefixes and that no version is recorded for.

    Interrupted trainings leave such. Raises ``OSError`` if the storage of models cannot be reached: then nothing could be put
    there after a night of training either.
    """
    folders = {entry.name for entry in plugin_settings.model_dir.iterdir() if entry.is_dir()}
    found = {name for name in folders if name.startswith(prefixes)}.union(model_storage.stored_names(prefixes))
    for name in found.difference(ModelVersion.objects.values_list("name", flat=True)):
        model_storage.remove(name)
