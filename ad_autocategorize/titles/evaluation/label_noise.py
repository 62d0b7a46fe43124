"""The ceiling that label noise sets: near-identical titles that were filed differently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.titles.evaluation.duplicates import Twins
from ad_autocategorize.titles.hierarchy import Path

SHOWN_CONFLICTS = 15


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two categories that divide near-identical titles; ``titles`` holds one of each.

    ``ads`` is how many ads one would expect to see disagree if every ad were compared with one of its twins at random.
    """

    first: Path
    second: Path
    ads: float
    titles: tuple[str, str]


@dataclass(frozen=True, slots=True)
class NoiseCeiling:
    """How consistently near-identical titles are filed.

    With p the shares in which a title's sellers choose categories, two twins agree with probability sum(p^2), and the best
    possible answer is right with probability max(p). As sum(p^2) <= max(p) <= sqrt(sum(p^2)), the agreement a bounds what
    any classifier of titles can reach on these ads: the ceiling lies between a and sqrt(a).

    Attributes
    ----------
    ads, twinned : all ads, and those with a twin.
    agreement, ceiling : a and sqrt(a) for whole paths; ``None`` without twins.
    levels : a at level 1, 2, ..., over all twinned ads.
    conflicts : the categories most often in conflict.
    """

    ads: int
    twinned: int
    agreement: float | None
    ceiling: float | None
    levels: list[float]
    conflicts: list[Conflict]


def agreement_of(paths: Sequence[Path], twins: Twins, chosen: NDArray[np.intp]) -> float | None:
    """Return the agreement of the ads at ``chosen`` with their twins; ``None`` where they have none."""
    agreement = _agreement(paths, twins)[chosen][twins.counts[chosen] > 0]
    return float(agreement.mean()) if len(agreement) else None


def measure_noise(titles: Sequence[str], paths: Sequence[Path], twins: Twins) -> NoiseCeiling:
    """Compare where near-identical titles are filed."""
    twinned = twins.counts > 0
    depth = max(map(len, paths), default=0)
    levels = [_agreement([path[:level] for path in paths], twins)[twinned] for level in range(1, depth + 1)]
    if not twinned.any():
        return NoiseCeiling(len(titles), 0, None, None, [], [])
    agreement = float(levels[-1].mean())
    return NoiseCeiling(
        len(titles),
        int(twinned.sum()),
        agreement,
        float(np.sqrt(agreement)),
        [float(level.mean()) for level in levels],
        _conflicts(titles, paths, twins),
    )


def _labels(paths: Sequence[Path]) -> tuple[list[Path], NDArray[np.intp]]:
    categories = sorted(set(paths))
    position = {path: index for index, path in enumerate(categories)}
    return categories, np.array([position[path] for path in paths], dtype=np.intp)


def _filings(labels: NDArray[np.intp], twins: Twins) -> sparse.csr_array:
    """Return how many ads of each wording are filed at each label, shape (wordings, labels)."""
    shape = (twins.near.shape[0], int(labels.max()) + 1)
    return sparse.csr_array((np.ones(len(labels)), (twins.wording, labels)), shape=shape)


def _agreement(paths: Sequence[Path], twins: Twins) -> NDArray[np.float64]:
    """Return for each ad the share of its twins that are filed where it is; 0 where there are none."""
    labels = _labels(paths)[1]
    around = sparse.csr_array(twins.near @ _filings(labels, twins))
    same = np.asarray(around[twins.wording, labels]).ravel() - 1
    return np.asarray(same / np.maximum(twins.counts, 1), dtype=np.float64)


def _conflicts(titles: Sequence[str], paths: Sequence[Path], twins: Twins) -> list[Conflict]:
    categories, labels = _labels(paths)
    filings = _filings(labels, twins)
    around = sparse.csr_array(twins.near @ filings)
    weights = np.zeros(twins.near.shape[0])
    weights[twins.wording] = 1 / np.maximum(twins.counts, 1)
    mixed = sparse.coo_array(filings.T @ sparse.diags_array(weights) @ around)
    both = sparse.csr_array(mixed + mixed.T)
    pairs = sparse.coo_array(sparse.triu(both, k=1))
    worst = np.argsort(-pairs.data, kind="stable")[:SHOWN_CONFLICTS]
    first_ad = _first_ads(labels, twins)
    found = []
    for first, second, ads in zip(pairs.row[worst], pairs.col[worst], pairs.data[worst], strict=True):
        example = _example(int(first), int(second), filings, twins, first_ad)
        shown = (titles[example[0]], titles[example[1]])
        found.append(Conflict(categories[first], categories[second], float(ads), shown))
    return found


def _first_ads(labels: NDArray[np.intp], twins: Twins) -> dict[tuple[int, int], int]:
    first: dict[tuple[int, int], int] = {}
    for ad, key in enumerate(zip(twins.wording.tolist(), labels.tolist(), strict=True)):
        first.setdefault(key, ad)
    return first


def _example(
    first: int, second: int, filings: sparse.csr_array, twins: Twins, first_ad: dict[tuple[int, int], int]
) -> tuple[int, int]:
    """Return positions of two twins, the one filed at ``first`` and the other at ``second``."""
    columns = sparse.csc_array(filings[:, [first, second]])
    left, right = (columns.indices[columns.indptr[n] : columns.indptr[n + 1]] for n in (0, 1))
    links = sparse.coo_array(twins.near[left][:, right])
    return first_ad[int(left[links.row[0]]), first], first_ad[int(right[links.col[0]]), second]
