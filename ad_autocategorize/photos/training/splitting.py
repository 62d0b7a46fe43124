"""The split into training, validation and hold-out. Photos of one ad or seller, and near-duplicates, are on one side."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.training.images import PackedPhotos, PhotoRecord

# Hashes (see ``images.difference_hash``) that differ in at most so many of their 256 bits are near-duplicates. Those of copies
# differ in a few bits, and those of different photos in about half.
NEAR_DUPLICATE_BITS = 20
# The photos of a seller with more than this share of all are kept together by ad only: they would fill a part of the split alone.
LARGEST_OWNER = 0.05
# Only hashes that share a band are compared: so many hexadecimal digits at the same place. Copies that differ in 20 bits still
# share 12 of the 32 bands at least.
_BAND = 2
# A photo is compared with at most so many that share a band: of a plain wall there may be thousands.
_COMPARED = 50


def split_places(packed: PackedPhotos) -> NDArray[np.float64]:
    """Return a number from 0 to 1 for each photo, float64[n]; a part of the split is the photos within a range of these.

    Photos of one group have the same number, and so have groups that near-duplicates link.
    """
    groups = _groups(packed.records)
    # Linked groups form trees, each with the group whose number all of them have at its root (union-find).
    parent: dict[Hashable, Hashable] = {}

    def root(item: Hashable) -> Hashable:
        while (above := parent.setdefault(item, item)) != item:
            item = above
        return item

    for first, second in near_duplicates(packed.hashes):
        one, other = sorted((root(groups[first]), root(groups[second])), key=repr)
        parent[other] = one
    # Digests, so that a group keeps its number when the marketplace grows.
    places = (hashlib.sha256(repr(root(group)).encode()).digest()[:4] for group in groups)
    return np.array([int.from_bytes(place, "big") / 2**32 for place in places])


def _groups(records: Sequence[PhotoRecord]) -> list[Hashable]:
    """Return the group of each photo: its seller, or its ad if the seller has more than ``LARGEST_OWNER`` of all photos."""
    sizes = Counter(record.owner for record in records)
    groups: list[Hashable] = []
    for record in records:
        if record.owner is not None and sizes[record.owner] <= LARGEST_OWNER * len(records):
            groups.append(("owner", record.owner))
        else:
            groups.append(("photo", str(record.path)) if record.group is None else ("group", record.group))
    return groups


def near_duplicates(hashes: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the places of two photos whose hashes differ in at most ``NEAR_DUPLICATE_BITS``."""
    bands: dict[tuple[int, str], list[int]] = defaultdict(list)
    numbers = [int(text, 16) for text in hashes]
    for place, text in enumerate(hashes):
        for start in range(0, len(text), _BAND):
            shared = bands[start, text[start : start + _BAND]]
            for other in shared[-_COMPARED:]:
                if (numbers[place] ^ numbers[other]).bit_count() <= NEAR_DUPLICATE_BITS:
                    yield other, place
            shared.append(place)
