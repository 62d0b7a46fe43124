"""Splits, folds and samples of titles, category by category."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path


def split_by_category(paths: Sequence[Path], share: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions of the titles set aside, about ``share`` of all and of every category, and of the rest.

    One ad of each category is never set aside, so that training sees every category that is tested. Of a category whose share is
    less than one ad, chance decides whether an ad is set aside: a site of many small categories is tested too.
    """
    random = np.random.default_rng(seed)
    counts: dict[Path, _Counts] = {}
    aside: list[int] = []
    rest: list[int] = []
    for index in random.permutation(len(paths)).tolist():
        if paths[index] not in counts:
            counts[paths[index]] = _Counts(random.random())
        of_category = counts[paths[index]]
        of_category.ads += 1
        if of_category.ads > 1 and int(of_category.head_start + of_category.ads * share) > of_category.aside:
            of_category.aside += 1
            aside.append(index)
        else:
            rest.append(index)
    return np.sort(np.array(aside, dtype=np.intp)), np.sort(np.array(rest, dtype=np.intp))


@dataclass(slots=True)
class _Counts:
    """The ads of a category that were dealt out so far, and how many of them were set aside.

    These are the whole part of ``head_start + ads * share``: a head start drawn from 0 to 1 rounds a share up or down by chance.
    """

    head_start: float
    ads: int = 0
    aside: int = 0


def split_by_key(
    paths: Sequence[Path], keys: NDArray[np.uint64], share: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split as ``split_by_category`` does, but by the ads' own keys: an ad stays on its side when other ads come and go.

    So there are ads that neither of two trainings has learned from, and on which their models can be compared.

    Parameters
    ----------
    keys : uint64[n], evenly distributed, such as digests. Within a category, ads of equal keys are neighbours in the order from
        which the first are set aside, so that they are on one side unless the limit falls between them.
    """
    order = np.argsort(_mixed(keys, seed), kind="stable")
    members: defaultdict[Path, list[int]] = defaultdict(list)
    for index in order.tolist():
        members[paths[index]].append(index)
    aside: list[int] = []
    for path, indices in members.items():
        due = int(_head_start(path, seed) + len(indices) * share)
        aside += indices[: min(due, len(indices) - 1)]
    is_aside = np.zeros(len(paths), dtype=np.bool_)
    is_aside[aside] = True
    return np.flatnonzero(is_aside), np.flatnonzero(~is_aside)


def _mixed(keys: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Return keys in place of others, which depend on the seed: the last steps of SplitMix64 (Steele, Lea and Flood, 2014)."""
    with np.errstate(over="ignore"):
        mixed = keys + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def _head_start(path: Path, seed: int) -> float:
    """Return the head start of ``_Counts``, but one that does not change from one training to the next."""
    digest = hashlib.blake2b(f"{seed}:{path[-1]}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") / 2**32


def deal_folds(paths: Sequence[Path], folds: int, seed: int) -> NDArray[np.intp]:
    """Return the fold of each ad. The ads of a category go to the folds in turn, the first one to a fold drawn by chance."""
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
    """Return the positions of a random sample of ``size`` titles, and of one more for each label that it would lack.

    If there are no more than ``size`` titles, these are all.
    """
    if len(labels) <= size:
        return np.arange(len(labels))
    firsts = np.unique(labels, return_index=True)[1]
    return np.union1d(firsts, np.random.default_rng(seed).choice(len(labels), size, replace=False))
