"""Deleting what photos have left in ``MODEL_DIR`` and nothing needs any more: backbones, and the embeddings made with them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from ad_autocategorize import model_storage
from ad_autocategorize.categories.item_photos import EMBEDDINGS_FOLDER, store_name
from ad_autocategorize.item_photos.names import BACKBONE_PREFIX, PART_KEY
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.sources.languages import training_languages
from ad_autocategorize.sources.registered import source_names


def clear_away(directory: Path) -> list[str]:
    """Delete them, and return in words what was deleted.

    The backbone that was exported last stays, for the next training, and so does each that a version is served with. Embeddings
    are made with the last one alone, for each source and language.
    """
    backbones = [entry for entry in sorted(directory.glob(f"{BACKBONE_PREFIX}*")) if entry.is_dir()]
    newest = _newest(directory) if backbones else None
    used = _used()
    gone = []
    for folder in backbones:
        if folder != newest and folder.name not in used:
            model_storage.remove(folder.name)
            gone.append(f"{folder.name}, which no version uses")
    for folder in _needless_embeddings(directory / EMBEDDINGS_FOLDER, newest):
        shutil.rmtree(folder, ignore_errors=True)
        gone.append(f"{folder.relative_to(directory)}, which nothing reads")
    return gone


def _newest(directory: Path) -> Path | None:
    from ad_autocategorize.item_photos.backbone import newest_backbone

    return newest_backbone(directory)


def _used() -> set[str]:
    metrics = ModelVersion.objects.filter(kind=ModelVersion.Kind.TITLES).values_list("metrics", flat=True)
    parts = [each[PART_KEY] for each in metrics.iterator() if PART_KEY in each]
    return {part["backbone"] for part in parts if part["used"]}


def _needless_embeddings(directory: Path, newest: Path | None) -> Iterator[Path]:
    stores = {store_name(source, language) for source in source_names() for language in training_languages()}
    for folder in sorted(directory.iterdir()) if directory.is_dir() else []:
        if newest is None or folder.name != newest.name:
            yield folder
        else:
            yield from (store for store in sorted(folder.iterdir()) if store.name not in stores)
