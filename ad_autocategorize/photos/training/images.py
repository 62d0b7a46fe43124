"""Reading training photos from disk, upright. Photos that cannot be read are left out and counted."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ad_autocategorize.photos.preprocessing import stretch
from ad_autocategorize.photos.uploads import READING_LIMITS, UploadRefused, decode_upload
from ad_autocategorize.photos.vocabularies import CarLabels

SHORTEST_SIDE = 24
LONGEST_LIST = 20


class UnreadablePhoto(ValueError):
    """A file that cannot be learned from; the message is the reason, short enough to count by."""


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """One photo to learn from.

    Attributes
    ----------
    group : equal for photos that a split must keep together, such as those of one ad.
    owner : equal for the photos of one seller.
    is_car : false for photos of other things, from which the network learns to tell them from cars.
    color_weight : how much the color label counts: 1 if a person gave it, its probability if a model guessed it.
    """

    path: Path
    labels: CarLabels = field(default_factory=CarLabels)
    group: Hashable = None
    owner: str | None = None
    is_car: bool = True
    color_weight: float = 1.0


@dataclass
class Skipped:
    """The photos left out: how many by reason, and the first of each by name."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, path: Path) -> None:
        """Count one."""
        self.counts[reason] += 1
        listed = self.examples.setdefault(reason, [])
        if len(listed) < LONGEST_LIST:
            listed.append(str(path))


def read_photo(path: Path) -> Image.Image:
    """Return a photo in RGB, decoded as uploads are: what can be uploaded can be learned from, and looks the same.

    Raises ``UnreadablePhoto``.
    """
    if path.exists() and not path.is_file():
        # Opening a pipe would wait without end.
        raise UnreadablePhoto("no plain file")
    try:
        with path.open("rb") as file:
            photo = decode_upload(file, READING_LIMITS)
    except FileNotFoundError as error:
        raise UnreadablePhoto("no such file") from error
    except OSError as error:
        raise UnreadablePhoto("cannot be opened") from error
    except UploadRefused as refused:
        no_picture = refused.code in ("empty", "unknown_format", "damaged")
        raise UnreadablePhoto("damaged, cut short or no picture" if no_picture else refused.message) from refused
    if min(photo.size) < SHORTEST_SIDE:
        raise UnreadablePhoto(f"smaller than {SHORTEST_SIDE} pixels")
    return photo


def difference_hash(photo: Image.Image) -> str:
    """Return 64 hexadecimal digits, few of whose bits change when a photo is scaled or compressed again.

    They are the signs of the brightness steps along the rows of a picture of 17 x 16 pixels.
    """
    grey = np.asarray(photo.convert("L").resize((17, 16), Image.Resampling.BILINEAR), dtype=np.int16)
    return np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes().hex()


@dataclass(frozen=True, slots=True)
class PackedPhotos:
    """Photos decoded once: ``pixels`` uint8[n, height, width, 3], mapped from disk; ``records`` and hashes in the same order."""

    records: list[PhotoRecord]
    pixels: NDArray[np.uint8]
    hashes: list[str]
    skipped: Skipped


def pack_photos(
    records: Sequence[PhotoRecord], folder: Path, height: int, width: int, zoom: float = 1.0
) -> PackedPhotos:
    """Decode all photos into one file in ``folder``, which training maps into memory.

    The memory used does not grow with the number of photos. Unreadable ones are left out and counted. If the folder has a file of
    the same records, it is used again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stamp = hashlib.sha256(repr([(str(item.path), height, width, zoom) for item in records]).encode()).hexdigest()[:16]
    target, index = folder / f"{stamp}.pixels", folder / f"{stamp}.index"
    skipped = Skipped()
    if not index.exists():
        with target.open("wb") as file:
            lines = [_pack_one(record, file, height, width, zoom) for record in records]
        # Written under another name first: a training that is stopped here must not leave half an index.
        partial = index.with_suffix(".incomplete")
        partial.write_text("\n".join(lines), encoding="utf-8")
        partial.replace(index)
    kept, hashes = [], []
    for record, line in zip(records, index.read_text(encoding="utf-8").split("\n"), strict=False):
        if line.startswith("="):
            kept.append(record)
            hashes.append(line[1:])
        else:
            skipped.add(line, record.path)
    shape = (len(kept), height, width, 3)
    pixels = np.memmap(target, np.uint8, "r", shape=shape) if kept else np.zeros(shape, np.uint8)
    return PackedPhotos(kept, pixels, hashes, skipped)


def _pack_one(record: PhotoRecord, file: object, height: int, width: int, zoom: float) -> str:
    """Append the pixels of a photo; return its line of the index: "=" and the photo's hash, or why it is left out."""
    try:
        photo = read_photo(record.path)
    except UnreadablePhoto as error:
        return str(error)
    stretch(photo, height, width, zoom).tofile(file)  # type: ignore[arg-type]
    return "=" + difference_hash(photo)
