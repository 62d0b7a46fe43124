"""System checks of what is in the database: whether the host's categories are mirrored, and the models in service are sound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.db import router, transaction

from ad_autocategorize import model_storage
from ad_autocategorize.artifacts import MANIFEST_NAME, ArtifactError, read_manifest
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.sources import AdSource, SourceError, using_source
from ad_autocategorize.sources.mirror import mirror
from ad_autocategorize.sources.registered import source_names
from taxonomy.models import Category

# Categories that a plain check asks the host for; "check --database default" asks for all of them.
LOOKED_AT = 500


def check_mirror(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Check the keys of the host's categories, and that ``sync_taxonomy`` has been run."""
    return [message for name in _names() for message in _check(name, None if databases else LOOKED_AT)]


def check_models(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Check that the files of the models in service are there, and are those that were recorded."""
    try:
        with transaction.atomic(using=router.db_for_read(ModelVersion)):
            active = list(ModelVersion.objects.filter(is_active=True))
    except Exception:
        # No database yet, or no right to ask it now.
        return []
    if model_storage.is_elsewhere() and not databases:
        # Over the network, as a rule: each command of the site would wait for it.
        return []
    return [message for version in active for message in _check_files(version)]


def _check_files(version: ModelVersion) -> Iterator[CheckMessage]:
    try:
        if model_storage.is_elsewhere():
            _read_stored_manifest(version)
        else:
            read_manifest(plugin_settings.model_dir / version.name, kind=version.kind, digest=version.digest)
    except (ArtifactError, LookupError, OSError) as error:
        hint = "Bring the folder back, make another version the active one, or retrain. Processes go on with what they have."
        # A warning: the site runs without suggestions, and migrate and runserver must.
        yield Warning(f"{version.name} is in service: {error}", hint=hint, id="ad_autocategorize.W009")


def _read_stored_manifest(version: ModelVersion) -> None:
    with TemporaryDirectory() as folder:
        model_storage.copy_files(version.name, Path(folder), [MANIFEST_NAME])
        read_manifest(Path(folder), kind=version.kind, digest=version.digest)


def _names() -> list[str]:
    # What is wrong with the setting is said by another check.
    return source_names() if isinstance(plugin_settings.SOURCES, dict) else []


def _check(name: str, most: int | None) -> list[CheckMessage]:
    try:
        # Where tables are missing, as before the first migration, the caller's transaction stays sound.
        with using_source(name) as source, transaction.atomic(using=router.db_for_read(Category)):
            return list(_said(source, most))
    except SourceError as error:
        # What is wrong with the source itself is said by another check.
        if "stands for two categories" not in str(error):
            return []
        hint = "Correct category_path() before sync_taxonomy, which refuses to mirror a tree that is not one."
        return [Error(str(error), hint=hint, id="ad_autocategorize.E015")]
    except Exception:
        # No database yet, or no right to ask it now.
        return []


def _said(source: AdSource, most: int | None) -> Iterator[CheckMessage]:
    if source.uses_taxonomy:
        if not Category.objects.exists() and source.get_queryset().exists():
            hint = "Fill it with import_taxonomy, or file ads at its categories."
            yield Warning("There are ads, and no categories in the taxonomy.", hint=hint, id="ad_autocategorize.W007")
        return
    rows = mirror(source, most=most).rows
    if rows and not Category.objects.filter(scope=source.scope).exclude(external_id=None).exists():
        yield Warning(
            "The site's categories are not in the taxonomy yet: training leaves out every ad.",
            hint="Run manage.py sync_taxonomy, and again after changes to the categories.",
            id="ad_autocategorize.W007",
        )
