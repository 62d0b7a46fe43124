"""The files behind the photos of ads, wherever the host's storage keeps them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db.models import FileField, Manager, Model
from django.db.models.fields.files import FieldFile

from ad_autocategorize.conf import plugin_settings

# Of photos that other machines store.
COPIES_FOLDER = "photo-copies"


def photo_paths(photos: Any) -> Iterator[Path]:
    """Yield the files behind what a source gives: a file, a path, rows with a file field, or several of these."""
    if photos is None or photos == "":
        return
    if isinstance(photos, FieldFile):
        if photos:
            yield _local_path(photos)
    elif isinstance(photos, str | Path):
        yield Path(photos)
    elif isinstance(photos, Model):
        for field in photos._meta.fields:
            if isinstance(field, FileField):
                yield from photo_paths(getattr(photos, field.name))
    else:
        for photo in photos.all() if isinstance(photos, Manager) else photos:
            yield from photo_paths(photo)


def _local_path(photo: FieldFile) -> Path:
    """Return where a photo lies; one whose storage is no folder of this machine is fetched, once."""
    try:
        return Path(photo.path)
    except NotImplementedError:
        pass
    name = hashlib.sha256(str(photo.name).encode()).hexdigest()
    copy = plugin_settings.model_dir / COPIES_FOLDER / name
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        partial = copy.with_suffix(".partial")
        try:
            with photo.open("rb") as source, partial.open("wb") as target:
                shutil.copyfileobj(source, target)
        except OSError:
            # Counted among the photos that are not there.
            return copy
        partial.replace(copy)
    return copy
