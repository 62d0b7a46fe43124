"""Which ads have changed since a training, and at which nodes of the tree that makes a difference.

An ad that is filed elsewhere within a branch changes nothing above the branch: what a node learns of an ad is its title, its
weight, and which way it goes on. A node whose category was moved in the tree learns what it did before.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path, node_key

# Odd, so that no two categories are confused.
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

Keys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class FiledTitles:
    """The ads that a training learns from; one of several categories stands there once for each.

    Attributes
    ----------
    digests : uint64[n], of all that is learned of an ad but where it is filed: its key, so that they are in one order, its title
        and its weight.
    categories : int64[n], the keys of the categories.
    """

    digests: Keys
    categories: NDArray[np.int64]

    @classmethod
    def of(cls, keys: Keys, titles: Sequence[str], paths: Sequence[Path], weights: Sequence[float]) -> FiledTitles:
        """Digest ads in columns of equal length; ``keys``, uint64[n], stand for their primary keys, one for each ad."""
        rows = zip(keys.tolist(), weights, titles, strict=True)
        digests = (hashlib.blake2b(repr(row).encode(errors="surrogatepass"), digest_size=8).digest() for row in rows)
        categories = np.fromiter((path[-1] for path in paths), dtype=np.int64, count=len(paths))
        return cls(np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64), categories)

    def __len__(self) -> int:
        return len(self.digests)

    def part(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> FiledTitles:
        """Return some of them."""
        return FiledTitles(self.digests[chosen], self.categories[chosen])

    def missing_in(self, other: FiledTitles) -> NDArray[np.bool_]:
        """Return for each ad whether the others lack it, or have it elsewhere or with another title or weight, bool[n]."""
        return ~np.isin(self._pairs(), other._pairs())

    def _pairs(self) -> Keys:
        with np.errstate(over="ignore"):
            return np.asarray(self.digests ^ ((self.categories.astype(np.uint64) + np.uint64(1)) * _MULTIPLIER))


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two trainings' ads.

    Attributes
    ----------
    at_nodes : by a node's key, the number of its examples that came, went, or go on another way. None where it is missing.
    categories : the keys of those to which ads came, or from which they went; both if a title or its weight changed.
    """

    at_nodes: Mapping[int, int]
    categories: frozenset[int]


def count_changes(before: FiledTitles, now: FiledTitles) -> int:
    """Return how many ads came and how many went; one that is filed elsewhere or edited did both."""
    return int(now.missing_in(before).sum() + before.missing_in(now).sum())


def compare(before: FiledTitles, paths_before: Iterable[Path], now: FiledTitles, paths_now: Iterable[Path]) -> Changes:
    """Compare the ads of two trainings; the paths are those of the categories at which they are filed."""
    gone, come = before.missing_in(now), now.missing_in(before)
    categories = {*before.categories[gone].tolist(), *now.categories[come].tolist()}
    then, today = ({path[-1]: path for path in paths} for paths in (paths_before, paths_now))
    moved = np.array([key for key, path in then.items() if today.get(key, path) != path], dtype=np.int64)
    balance: Counter[tuple[int, int, int]] = Counter()
    balance.update(_steps(now.part(come | np.isin(now.categories, moved)), today))
    balance.subtract(_steps(before.part(gone | np.isin(before.categories, moved)), then))
    changed: defaultdict[int, set[int]] = defaultdict(set)
    for (node, _, digest), count in balance.items():
        if count:
            changed[node].add(digest)
    return Changes({node: len(digests) for node, digests in changed.items()}, frozenset(categories))


def _steps(ads: FiledTitles, paths: Mapping[int, Path]) -> Iterator[tuple[int, int, int]]:
    """Yield each node that an ad passes, which way it goes on, and the ad's digest."""
    for digest, category in zip(ads.digests.tolist(), ads.categories.tolist(), strict=True):
        path = paths[category]
        for depth in range(len(path) + 1):
            yield node_key(path[:depth]), node_key(path[: depth + 1]), digest
