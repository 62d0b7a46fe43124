"""The split into training, validation and hold-out: by ad or seller and by near-duplicate, never by photo."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.training.images import PackedPhotos, PhotoRecord

# Of 256 bits; copies of a photo differ in a few, different photos in about half.
NEAR_DUPLICATE_BITS = 20
# A seller with more than this share of all photos would fill a part alone.
LARGEST_OWNER = 0.05
# Hexadecimal digits; copies that differ in 20 bits still share many of the 32 bands.
_BAND = 2
# Photos of nothing, such as a white wall, may share a band by the thousand.
_COMPARED = 50


def split_places(packed: PackedPhotos) -> NDArray[np.float64]:
    """Return a place between 0 and 1 for each photo, by which to cut parts off.

    The photos of a group share theirs, and so do groups that hold near-duplicates of one photo.
    """
    groups = _groups(packed.records)
    parent: dict[Hashable, Hashable] = {}

    def root(item: Hashable) -> Hashable:
        while (above := parent.setdefault(item, item)) != item:
            item = above
        return item

    for first, second in near_duplicates(packed.hashes):
        one, other = sorted((root(groups[first]), root(groups[second])), key=repr)
        parent[other] = one
    # By hash, so that a group stays on its side when the marketplace grows.
    places = (hashlib.sha256(repr(root(group)).encode()).digest()[:4] for group in groups)
    return np.array([int.from_bytes(place, "big") / 2**32 for place in places])


def _groups(records: Sequence[PhotoRecord]) -> list[Hashable]:
    """Return what each photo must stay together with: its seller's photos, or its ad's where the seller is a large dealer."""
    sizes = Counter(record.owner for record in records)
    groups: list[Hashable] = []
    for record in records:
        if record.owner is not None and sizes[record.owner] <= LARGEST_OWNER * len(records):
            groups.append(("owner", record.owner))
        else:
            groups.append(("photo", str(record.path)) if record.group is None else ("group", record.group))
    return groups


def near_duplicates(hashes: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield pairs of photos whose difference hashes nearly agree; each photo is compared with those that share a band."""
    bands: dict[tuple[int, str], list[int]] = defaultdict(list)
    numbers = [int(text, 16) for text in hashes]
    for place, text in enumerate(hashes):
        for start in range(0, len(text), _BAND):
            shared = bands[start, text[start : start + _BAND]]
            for other in shared[-_COMPARED:]:
                if (numbers[place] ^ numbers[other]).bit_count() <= NEAR_DUPLICATE_BITS:
                    yield other, place
            shared.append(place)
