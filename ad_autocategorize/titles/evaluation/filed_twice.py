"""Ads that are filed at several categories. Training has an example for each category; a test asks about the ad once.

``ads`` names the ad of each example: examples of one ad have equal names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path, parting_level

FloatArray = NDArray[np.float64]


def is_any_filed_twice(ads: Sequence[Hashable]) -> bool:
    """Return whether any ad has more than one example."""
    return len(set(ads)) < len(ads)


def number_ads(ads: Sequence[Hashable]) -> NDArray[np.intp]:
    """Return a number for the ad of each example, intp[n]: 0 for the first ad, 1 for the next new one, and so on."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(ad, len(numbers)) for ad in ads], dtype=np.intp)


def paths_of_ads(paths: Sequence[Path], ads: Sequence[Hashable]) -> list[tuple[Path, ...]]:
    """Return, for each example, all paths that its ad is filed at."""
    found: dict[Hashable, list[Path]] = defaultdict(list)
    for ad, path in zip(ads, paths, strict=True):
        found[ad].append(path)
    return [tuple(found[ad]) for ad in ads]


def one_of_each(positions: NDArray[np.intp], ads: Sequence[Hashable]) -> NDArray[np.intp]:
    """Return those of the ``positions`` of examples that are the first of their ads, ascending."""
    first = {ads[position]: position for position in reversed(positions.tolist())}
    return np.array(sorted(first.values()), dtype=np.intp)


def nearest_path(filed: Sequence[Path], answer: Path, column: Mapping[Path, int], probabilities: FloatArray) -> Path:
    """Return the path, of those that an ad is filed at, that the answer is compared with.

    It is the one that shares most levels with the answer; of several such paths the most probable one.

    Parameters
    ----------
    probabilities : float64[categories].
    column : the position of each category in them.
    """

    def probability(path: Path) -> float:
        return float(probabilities[column[path]]) if path in column else 0.0

    return max(filed, key=lambda path: (path == answer, parting_level(answer, path), probability(path)))
