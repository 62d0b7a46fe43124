"""Setting titles aside, category by category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path

# The fold of titles that are learned from in every round.
NEVER_ASIDE = -1


def split_by_category(paths: Sequence[Path], share: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions of the titles set aside, about ``share`` of all and of every category, and of the rest.

    The first ad of a category is never set aside, so that whatever is tested was seen in training. Where a category's share is
    less than one ad, chance decides whether it gives one: a site of many small categories is tested too.
    """
    random = np.random.default_rng(seed)
    # By category: where its share begins to count, ads seen, ads set aside.
    state: dict[Path, list[float]] = {}
    aside: list[int] = []
    rest: list[int] = []
    for index in random.permutation(len(paths)).tolist():
        if paths[index] not in state:
            state[paths[index]] = [random.random(), 0, 0]
        counts = state[paths[index]]
        counts[1] += 1
        due = int(counts[0] + counts[1] * share)
        if counts[1] > 1 and due > counts[2]:
            counts[2] += 1
            aside.append(index)
        else:
            rest.append(index)
    return np.sort(np.array(aside, dtype=np.intp)), np.sort(np.array(rest, dtype=np.intp))


def deal_folds(paths: Sequence[Path], folds: int, seed: int) -> NDArray[np.intp]:
    """Deal the ads of every category out to ``folds`` in turn, from a fold drawn by chance on; at least two folds.

    The only ad of a category is in none of them (``NEVER_ASIDE``): whatever fold is set aside, the rest knows its categories.
    """
    random = np.random.default_rng(seed)
    ads = Counter(paths)
    following: dict[Path, int] = {}
    fold_of = np.full(len(paths), NEVER_ASIDE, dtype=np.intp)
    for index in random.permutation(len(paths)).tolist():
        path = paths[index]
        if ads[path] > 1:
            fold = following[path] if path in following else int(random.integers(folds))
            fold_of[index] = fold
            following[path] = (fold + 1) % folds
    return fold_of


def draw_sample(labels: NDArray[np.intp], size: int, seed: int) -> NDArray[np.intp]:
    """Return the positions of ``size`` titles, or a few more, so that every label keeps one; all where there are fewer."""
    if len(labels) <= size:
        return np.arange(len(labels))
    firsts = np.unique(labels, return_index=True)[1]
    return np.union1d(firsts, np.random.default_rng(seed).choice(len(labels), size, replace=False))
