"""The limit that label noise sets to accuracy, estimated from near-identical titles ("twins") that are filed differently."""

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
    """Two categories between which twins are divided.

    Attributes
    ----------
    ads : if every ad were compared with one of its twins at random, the expected number of comparisons between the two.
    titles : those of two twins, the first filed at ``first`` and the other at ``second``.
    """

    first: Path
    second: Path
    ads: float
    titles: tuple[str, str]


@dataclass(frozen=True, slots=True)
class NoiseCeiling:
    """How consistently near-identical titles are filed, and what accuracy that allows.

    Say that the sellers of one title choose categories in shares p. Two of its twins agree with probability sum(p^2), and the
    best possible answer is right with probability max(p). Since sum(p^2) <= max(p) <= sqrt(sum(p^2)), the best accuracy that
    any classifier of titles can reach on these ads is between the agreement a and sqrt(a).

    Attributes
    ----------
    ads, twinned : the number of all ads, and of those with a twin.
    agreement, ceiling : a and sqrt(a) for whole paths; ``None`` without twins.
    levels : a down to level 1, 2, ..., over all ads with a twin.
    conflicts : the pairs of categories between which most twins are divided.
    """

    ads: int
    twinned: int
    agreement: float | None
    ceiling: float | None
    levels: list[float]
    conflicts: list[Conflict]


def agreement_of(paths: Sequence[Path], twins: Twins, chosen: NDArray[np.intp]) -> float | None:
    """Return the agreement with their twins of the ads at positions ``chosen``; ``None`` if none of them has a twin."""
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
    """Return the share of each ad's twins that are filed where the ad is, shape (ads,); 0 for one without twins."""
    labels = _labels(paths)[1]
    around = sparse.csr_array(twins.near @ _filings(labels, twins))
    same = np.asarray(around[twins.wording, labels]).ravel() - 1
    return np.asarray(same / np.maximum(twins.counts, 1), dtype=np.float64)


def _conflicts(titles: Sequence[str], paths: Sequence[Path], twins: Twins) -> list[Conflict]:
    categories, labels = _labels(paths)
    filings = _filings(labels, twins)
    filings_of_twins = sparse.csr_array(twins.near @ filings)
    # The chance of each of an ad's twins to be the one that it is compared with: the same for all ads of a wording.
    chances = np.zeros(twins.near.shape[0])
    chances[twins.wording] = 1 / np.maximum(twins.counts, 1)
    # Shape (categories, categories): the expected comparisons of an ad filed at one with a twin filed at the other.
    expected = sparse.coo_array(filings.T @ sparse.diags_array(chances) @ filings_of_twins)
    both_ways = sparse.csr_array(expected + expected.T)
    pairs = sparse.coo_array(sparse.triu(both_ways, k=1))
    worst = np.argsort(-pairs.data, kind="stable")[:SHOWN_CONFLICTS]
    first_ad = _first_ads(labels, twins)
    found = []
    for first, second, ads in zip(pairs.row[worst], pairs.col[worst], pairs.data[worst], strict=True):
        example = _example(int(first), int(second), filings, twins, first_ad)
        shown = (titles[example[0]], titles[example[1]])
        found.append(Conflict(categories[first], categories[second], float(ads), shown))
    return found


def _first_ads(labels: NDArray[np.intp], twins: Twins) -> dict[tuple[int, int], int]:
    """Return the position of the first ad of each wording and label."""
    first: dict[tuple[int, int], int] = {}
    for ad, key in enumerate(zip(twins.wording.tolist(), labels.tolist(), strict=True)):
        first.setdefault(key, ad)
    return first


def _example(
    first: int, second: int, filings: sparse.csr_array, twins: Twins, first_ad: dict[tuple[int, int], int]
) -> tuple[int, int]:
    """Return the positions of two twins, one filed at the label ``first`` and the other at ``second``."""
    columns = sparse.csc_array(filings[:, [first, second]])
    # The wordings that ads of each of the two labels have.
    left, right = (columns.indices[columns.indptr[n] : columns.indptr[n + 1]] for n in (0, 1))
    near = sparse.coo_array(twins.near[left][:, right])
    return first_ad[int(left[near.row[0]]), first], first_ad[int(right[near.col[0]]), second]
