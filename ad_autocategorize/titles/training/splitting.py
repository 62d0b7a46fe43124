"""Setting titles aside, category by category."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path


def split_by_category(paths: Sequence[Path], share: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions of the titles set aside, about ``share`` of every category, and of the rest.

    The first ad of a category is never set aside, so that whatever is tested was seen in training.
    """
    taken: dict[Path, int] = {}
    aside: list[int] = []
    rest: list[int] = []
    for index in np.random.default_rng(seed).permutation(len(paths)).tolist():
        count = taken.get(paths[index], 0)
        taken[paths[index]] = count + 1
        # The running total passes a whole number at every 1/share-th ad.
        (aside if count and int((count + 1) * share) > int(count * share) else rest).append(index)
    return np.sort(np.array(aside, dtype=np.intp)), np.sort(np.array(rest, dtype=np.intp))


def draw_sample(labels: NDArray[np.intp], size: int, seed: int) -> NDArray[np.intp]:
    """Return the positions of ``size`` titles, or a few more, so that every label keeps one; all where there are fewer."""
    if len(labels) <= size:
        return np.arange(len(labels))
    firsts = np.unique(labels, return_index=True)[1]
    return np.union1d(firsts, np.random.default_rng(seed).choice(len(labels), size, replace=False))
