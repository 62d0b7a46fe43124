"""Ads with nearly the same title: read together, they show what one ad at a time cannot. Training side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.near_identity import compare_wordings

# How much a near-identical ad still says, beside 1, when the model has learned from it. Chosen on planted errors.
HEARD_BEFORE = 0.25


@dataclass(frozen=True, slots=True)
class Neighbors:
    """Positions of the ads nearly identical to one; the first ``others`` are other sellers', each part the most alike first."""

    rows: NDArray[np.intp]
    similarities: NDArray[np.float64]
    others: int


def find_near_identical(
    titles: Sequence[str],
    wanted: Sequence[int],
    settings: TitleSettings,
    *,
    sellers: Sequence[str] | None = None,
    limit: int = 12,
) -> list[Neighbors]:
    """Return for each of the ``wanted`` positions the ads nearly identical to it, itself left out, ``limit`` at most.

    ``sellers`` of all titles are known or ""; a seller's further copies come last, since they only repeat what he thinks.
    """
    wordings = compare_wordings(titles, settings)
    seller = _numbers(sellers or [""] * len(titles))
    by_wording = np.argsort(wordings.of_title, kind="stable")
    starts = np.searchsorted(wordings.of_title[by_wording], np.arange(wordings.near.shape[0] + 1))

    @lru_cache(1)
    def alike(wording: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return all ads nearly identical to a wording, the most alike first, and their similarities."""
        part = slice(*wordings.near.indptr[wording : wording + 2])
        order = np.argsort(-wordings.near.data[part], kind="stable")
        near = wordings.near.indices[part][order]
        ads = [np.sort(by_wording[starts[number] : starts[number + 1]]) for number in near.tolist()]
        similarities = np.repeat(wordings.near.data[part][order], list(map(len, ads)))
        return np.concatenate(ads), similarities

    def neighbors(row: int) -> Neighbors:
        ads, similarities = alike(int(wordings.of_title[row]))
        own, others = seller[ads] == seller[row], ads != row
        first, last = np.flatnonzero(~own & others)[:limit], np.flatnonzero(own & others)[:limit]
        chosen = np.concatenate([first, last])[:limit]
        return Neighbors(ads[chosen], similarities[chosen], len(first))

    # Ads of one wording follow one another, so that what is alike is looked up once.
    found = {row: neighbors(row) for row in sorted(set(wanted), key=lambda row: (wordings.of_title[row], row))}
    return [found[row] for row in wanted]


def filed_shares(
    neighbors: Sequence[Neighbors], given: NDArray[np.intp], fold_of: NDArray[np.intp]
) -> sparse.csr_array:
    """Return where other sellers file what is nearly identical, shape (ads, categories).

    Each row sums up to less than 1, the less the fewer they are. Those outside the ad's fold have taught the model that judged
    it, and so count less.

    Parameters
    ----------
    neighbors : of every ad.
    given, fold_of : shape (ads,): where the ads are filed, and the folds that they are judged in.
    """
    ad = np.repeat(np.arange(len(neighbors)), [near.others for near in neighbors])
    other = np.concatenate([near.rows[: near.others] for near in neighbors])
    weights = np.where(fold_of[ad] == fold_of[other], 1.0, HEARD_BEFORE)
    shares = weights / (1 + np.bincount(ad, weights, minlength=len(neighbors)))[ad]
    return sparse.csr_array((shares, (ad, given[other])), shape=(len(neighbors), int(given.max()) + 1))


def _numbers(sellers: Sequence[str]) -> NDArray[np.intp]:
    """Return a number for each seller; every unknown one is another."""
    known = {seller: number for number, seller in enumerate(dict.fromkeys(sellers))}
    return np.array([known[seller] if seller else -1 - row for row, seller in enumerate(sellers)], dtype=np.intp)
