"""Which photos a version was not trained on: later tests of it look at no others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from ad_autocategorize.photos.artifact import read_photo_manifest, read_verified
from ad_autocategorize.photos.training.images import PhotoRecord

HOLD_OUT_NAME = "hold-out.json"


def list_hold_out(records: Iterable[PhotoRecord]) -> bytes:
    """Return the content of a version's list, which names photos by digests of their paths."""
    return json.dumps(sorted({_key(record) for record in records}), indent=0).encode()


def only_held_out(records: Iterable[PhotoRecord], directory: Path) -> Iterator[PhotoRecord]:
    """Yield the records that are on the list of the version in ``directory``. Raises ``ArtifactError``."""
    listed = set(json.loads(read_verified(directory, HOLD_OUT_NAME, read_photo_manifest(directory))))
    return (record for record in records if _key(record) in listed)


def _key(record: PhotoRecord) -> str:
    return hashlib.sha256(str(record.path).encode(errors="surrogateescape")).hexdigest()[:16]
