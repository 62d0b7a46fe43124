"""From a trained model to a version in service, for both kinds of models: the lock, the record, and what is swept away.

The order of events makes an interruption harmless at any point: files are written beside their final place and renamed, then one
transaction records and activates the version. Until it commits the old version serves; folders without a record are swept by
the next training, under the lock that lets only one training run at a time.
"""

from __future__ import annotations

import fcntl
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import router, transaction
from django.utils import timezone

from ad_autocategorize import registry
from ad_autocategorize.models import ModelVersion

LOCK_NAME = ".training.lock"
# The active version and those one may want to go back to.
KEPT_VERSIONS = 3


class TrainingBusy(RuntimeError):
    """Another process is training into the same folder."""


@contextmanager
def only_one(directory: Path, lock_name: str = LOCK_NAME) -> Iterator[None]:
    """Hold the folder's training lock. Raises ``TrainingBusy`` where another process does."""
    # The kernel drops the lock with its process, however that ends.
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / lock_name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TrainingBusy(f"Another training is writing to {directory}. Wait for it to end.") from error
        yield


def new_name(prefix: str) -> str:
    """Return a name for a version, which is also its folder's: the time in UTC, and chance for two at once."""
    return f"{prefix}{timezone.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def record(directory: Path, *, activate: bool, **fields: Any) -> ModelVersion:
    """Record a version whose files are in place, and activate it in the same transaction; then delete versions long retired.

    ``fields`` are those of ``ModelVersion``.
    """
    with transaction.atomic(using=router.db_for_write(ModelVersion)):
        version = ModelVersion.objects.create(**fields)
        if activate:
            version.activate()
    registry.expire()
    _prune(directory, version)
    return version


def sweep(directory: Path, *prefixes: str) -> None:
    """Remove the folders that an interrupted training left: those with such a beginning of the name and no record."""
    recorded = set(ModelVersion.objects.values_list("name", flat=True))
    for entry in directory.iterdir():
        if entry.is_dir() and entry.name.startswith(prefixes) and entry.name not in recorded:
            shutil.rmtree(entry, ignore_errors=True)


def _prune(directory: Path, like: ModelVersion) -> None:
    """Delete all but the newest versions of the same kind, source and language; the active one always stays."""
    versions = ModelVersion.objects.filter(kind=like.kind, source=like.source, language=like.language)
    newest = list(versions.values_list("pk", flat=True)[:KEPT_VERSIONS])
    for version in versions.exclude(pk__in=newest).exclude(is_active=True):
        version.delete()
        shutil.rmtree(directory / version.name, ignore_errors=True)
