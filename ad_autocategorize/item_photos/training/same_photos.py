"""Ads that show nearly the same photo as another ad but are filed elsewhere: seen together, they show which one is wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.item_photos.training.sums import AdPhotos

# The cosine of two embeddings from which on the photos are nearly the same. Of the default backbone: 99 of 100 photos that were
# compressed anew or cut by 3 % a side reach it, and all that were mirrored; of 7.5 million pairs of other photos 16 do, of ads
# whose titles name the same product or one like it.
SAME_PHOTO = 0.9
# Photos that are compared at a time.
_WANTED, _OTHERS = 256, 2048


def find_same_photos(
    photos: AdPhotos,
    wanted: NDArray[np.intp],
    numbers: NDArray[np.intp],
    filed: NDArray[np.intp],
    limit: int = 12,
) -> dict[int, list[int]]:
    """Return, by position of each of the ``wanted`` ads, the ads filed elsewhere with nearly the same photo.

    The most similar come first, ``limit`` at most; ads without any are left out. The work grows with wanted photos times all
    photos, the memory with neither.

    Parameters
    ----------
    wanted : ascending positions of ads.
    numbers : shape (ads,): equal for examples of one ad, which are not compared with each other.
    filed : shape (ads,): the category of each.
    """
    asked = photos.of(wanted)
    vectors, rows = _directions(asked.vectors), wanted[asked.ads]
    found: dict[int, dict[int, float]] = {}
    for first in range(0, len(photos), _OTHERS):
        others = photos.ads[first : first + _OTHERS]
        directions = _directions(photos.vectors[first : first + _OTHERS])
        for start in range(0, len(rows), _WANTED):
            own = rows[start : start + _WANTED]
            similar = vectors[start : start + _WANTED] @ directions.T
            similar[(numbers[own][:, None] == numbers[others]) | (filed[own][:, None] == filed[others])] = 0
            for place in np.flatnonzero(similar.max(axis=1) >= SAME_PHOTO).tolist():
                best = np.argsort(-similar[place], kind="stable")[: limit * 2]
                _keep(found.setdefault(int(own[place]), {}), others[best], similar[place, best], limit)
    return {row: list(alike) for row, alike in found.items()}


def _keep(alike: dict[int, float], ads: NDArray[np.intp], similar: NDArray[np.float32], limit: int) -> None:
    """Add to ``alike`` the ads that are similar enough, and keep the ``limit`` most similar, in that order."""
    for ad, value in zip(ads.tolist(), similar.tolist(), strict=True):
        if value >= SAME_PHOTO:
            alike[ad] = max(value, alike.get(ad, 0.0))
    best = sorted(alike.items(), key=lambda each: (-each[1], each[0]))[:limit]
    alike.clear()
    alike.update(best)


def _directions(vectors: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return the vectors divided by their lengths."""
    plain = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(plain, axis=1, keepdims=True)
    return np.asarray(plain / np.maximum(lengths, np.float32(1e-6)))
