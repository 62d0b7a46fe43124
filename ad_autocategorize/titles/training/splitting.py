"""Setting titles aside, category by category."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path


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


def split_by_key(
    paths: Sequence[Path], keys: NDArray[np.uint64], share: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return what ``split_by_category`` does, but by the ads' own keys: an ad stays on its side when others come and go.

    The models of two trainings can then be compared on ads that neither has learned from.

    Parameters
    ----------
    keys : uint64[n], as if drawn by chance; equal keys stay together as far as the share allows.
    """
    order = np.argsort(_mixed(keys, seed), kind="stable")
    members: defaultdict[Path, list[int]] = defaultdict(list)
    for index in order.tolist():
        members[paths[index]].append(index)
    aside: list[int] = []
    for path, indices in members.items():
        due = int(_start(path, seed) + len(indices) * share)
        aside += indices[: min(due, len(indices) - 1)]
    is_aside = np.zeros(len(paths), dtype=np.bool_)
    is_aside[aside] = True
    return np.flatnonzero(is_aside), np.flatnonzero(~is_aside)


def _mixed(keys: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Return other numbers for another seed: the last steps of SplitMix64 (Steele, Lea and Flood, 2014)."""
    with np.errstate(over="ignore"):
        mixed = keys + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def _start(path: Path, seed: int) -> float:
    """Return where a category's share begins to count, within 0 to 1."""
    digest = hashlib.blake2b(f"{seed}:{path[-1]}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") / 2**32


def deal_folds(paths: Sequence[Path], folds: int, seed: int) -> NDArray[np.intp]:
    """Deal the ads of every category out to ``folds`` in turn, from a fold drawn by chance on."""
    random = np.random.default_rng(seed)
    following: dict[Path, int] = {}
    fold_of = np.empty(len(paths), dtype=np.intp)
    for index in random.permutation(len(paths)).tolist():
        path = paths[index]
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
