"""Which ads have changed since a training, and at which nodes of the tree that makes a difference.

Of each ad below it a node learns the title, the weight, and which of the node's outcomes the ad goes on to. So an ad that is
filed elsewhere within a branch changes nothing above that branch. When a category is moved in the tree, its node learns what
it did before.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path, node_key

# Spreads the keys of categories over 64 bits. Odd, so that the multiplication gives no two keys the same number.
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

Keys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class FiledTitles:
    """The ads that a training learns from. One that is filed at several categories is in it once for each.

    Attributes
    ----------
    digests : uint64[n], of each ad's key, title and weight, but not of its category. The key is part of it since ads are learned
        from in the order of their keys: if the digests are the same, the order is too.
    categories : int64[n], the key of the category that each is filed at.
    """

    digests: Keys
    categories: NDArray[np.int64]

    @classmethod
    def of(cls, keys: Keys, titles: Sequence[str], paths: Sequence[Path], weights: Sequence[float]) -> FiledTitles:
        """Digest ads given in columns of equal length; ``keys``, uint64[n], are digests of their primary keys."""
        rows = zip(keys.tolist(), weights, titles, strict=True)
        digests = (hashlib.blake2b(repr(row).encode(errors="surrogatepass"), digest_size=8).digest() for row in rows)
        categories = np.fromiter((path[-1] for path in paths), dtype=np.int64, count=len(paths))
        return cls(np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64), categories)

    def __len__(self) -> int:
        return len(self.digests)

    def part(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> FiledTitles:
        """Return the ads at positions, or those of a mask."""
        return FiledTitles(self.digests[chosen], self.categories[chosen])

    def missing_in(self, other: FiledTitles) -> NDArray[np.bool_]:
        """Return, bool[n], whether ``other`` lacks each ad, or has it at another category or with another title or weight."""
        own, others = self._pairs(), np.sort(other._pairs())
        if not len(others):
            return np.ones(len(own), dtype=bool)
        # Half of the time of ``np.isin``, which sorts positions too.
        places = np.searchsorted(others, own).clip(max=len(others) - 1)
        return np.asarray(others[places] != own)

    def _pairs(self) -> Keys:
        """Return a number for each pair of digest and category."""
        with np.errstate(over="ignore"):
            return np.asarray(self.digests ^ ((self.categories.astype(np.uint64) + np.uint64(1)) * _MULTIPLIER))


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two trainings' ads.

    Attributes
    ----------
    at_nodes : by a node's key, how many of its ads were added or removed, or go on to another outcome. A node that is missing has
        no changes.
    categories : the keys of categories that ads were added to or removed from. A changed title or weight counts as both.
    """

    at_nodes: Mapping[int, int]
    categories: frozenset[int]


def count_changes(before: FiledTitles, now: FiledTitles) -> int:
    """Return how many ads were added plus how many were removed; one that was edited or is filed elsewhere counts twice."""
    return int(now.missing_in(before).sum() + before.missing_in(now).sum())


def compare(before: FiledTitles, paths_before: Iterable[Path], now: FiledTitles, paths_now: Iterable[Path]) -> Changes:
    """Compare the ads of two trainings; the paths are those of the categories at which the ads are filed."""
    removed, added = before.missing_in(now), now.missing_in(before)
    categories = {*before.categories[removed].tolist(), *now.categories[added].tolist()}
    path_before, path_now = ({path[-1]: path for path in paths} for paths in (paths_before, paths_now))
    moved = np.array([key for key, path in path_before.items() if path_now.get(key, path) != path], dtype=np.int64)
    # What an ad teaches a node now and taught it before cancel out if they are the same, as at the nodes above a branch within
    # which the ad was filed elsewhere. So all ads of moved categories can be compared too.
    balance: Counter[tuple[int, int, int]] = Counter()
    balance.update(_steps(now.part(added | np.isin(now.categories, moved)), path_now))
    balance.subtract(_steps(before.part(removed | np.isin(before.categories, moved)), path_before))
    changed: defaultdict[int, set[int]] = defaultdict(set)
    for (node, _, digest), count in balance.items():
        if count:
            changed[node].add(digest)
    return Changes({node: len(digests) for node, digests in changed.items()}, frozenset(categories))


def _steps(ads: FiledTitles, paths: Mapping[int, Path]) -> Iterator[tuple[int, int, int]]:
    """Yield, for each ad and each node that it passes: the node's key, that of the outcome it goes on to, and the ad's digest."""
    for digest, category in zip(ads.digests.tolist(), ads.categories.tolist(), strict=True):
        path = paths[category]
        for depth in range(len(path) + 1):
            yield node_key(path[:depth]), node_key(path[: depth + 1]), digest
