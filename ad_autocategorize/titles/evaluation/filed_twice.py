"""Ads that are filed at several categories: training takes each as one example at every one of them, a test asks once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path, parting_level

FloatArray = NDArray[np.float64]


def is_any_filed_twice(ads: Sequence[Hashable]) -> bool:
    """Return whether two examples are of one ad."""
    return len(set(ads)) < len(ads)


def number_ads(ads: Sequence[Hashable]) -> NDArray[np.intp]:
    """Return the number of each example's ad, intp[n], in the order in which they come."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(ad, len(numbers)) for ad in ads], dtype=np.intp)


def paths_of_ads(paths: Sequence[Path], ads: Sequence[Hashable]) -> list[tuple[Path, ...]]:
    """Return all paths of each example's ad."""
    found: dict[Hashable, list[Path]] = defaultdict(list)
    for ad, path in zip(ads, paths, strict=True):
        found[ad].append(path)
    return [tuple(found[ad]) for ad in ads]


def one_of_each(positions: NDArray[np.intp], ads: Sequence[Hashable]) -> NDArray[np.intp]:
    """Return the first position of each ad."""
    first = {ads[position]: position for position in reversed(positions.tolist())}
    return np.array(sorted(first.values()), dtype=np.intp)


def nearest_path(filed: Sequence[Path], answer: Path, column: Mapping[Path, int], probabilities: FloatArray) -> Path:
    """Return the path that an answer is held against: the one that it follows furthest, and of these the most probable.

    ``probabilities`` are those of all categories, float64[categories]; ``column`` says which is whose.
    """

    def probability(path: Path) -> float:
        return float(probabilities[column[path]]) if path in column else 0.0

    return max(filed, key=lambda path: (path == answer, parting_level(answer, path), probability(path)))
