"""Ads with nearly the same title: read together, they show what one ad at a time cannot. Training side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings

# Cosine of two titles' TF-IDF words from which they count as nearly the same.
THRESHOLD = 0.75
BATCH = 128
TINY = 1e-6
# A word of more ads than this finds no neighbours by itself; it still counts in the comparison.
COMMON_WORD_ADS = 2000
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
    words = _word_vectors(titles, settings)
    ads_of_word = np.bincount(words.indices, minlength=words.shape[1])
    postings = sparse.csr_array(words.T)
    seller = _numbers(sellers or [""] * len(titles))
    answers = []
    for start in range(0, len(wanted), BATCH):
        rows = np.asarray(wanted[start : start + BATCH], dtype=np.intp)
        sharing = sparse.coo_array(_telling_words(words[rows], ads_of_word) @ postings)
        number, other = sharing.coords
        number, other = number[other != rows[number]], other[other != rows[number]]
        similarities = np.asarray(words[rows[number]].multiply(words[other]).sum(axis=1), dtype=np.float64).ravel()
        alike = similarities >= THRESHOLD
        number, other, similarities = number[alike], other[alike], similarities[alike]
        his_own = seller[other] == seller[rows[number]]
        order = np.lexsort((other, -similarities, his_own, number))
        ends = np.searchsorted(number[order], np.arange(len(rows) + 1))
        for first, last in pairwise(ends.tolist()):
            part = order[first : min(first + limit, last)]
            others = int((~his_own[part]).sum())
            answers.append(Neighbors(other[part].astype(np.intp), similarities[part], others))
    return answers


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


def _telling_words(titles: sparse.csr_array, ads_of_word: NDArray[np.intp]) -> sparse.csr_array:
    """Return of each title, a row of length 1, the rarest words: any title that is nearly identical has one of them.

    The others are shorter than the threshold together, so that they alone cannot reach it (the prefix filter of Bayardo, Ma and
    Srikant, "Scaling up all pairs similarity search", 2007).
    """
    row = np.repeat(np.arange(titles.shape[0]), np.diff(titles.indptr))
    commonest_first = np.lexsort((-ads_of_word[titles.indices], row))
    row, column, value = row[commonest_first], titles.indices[commonest_first], titles.data[commonest_first]
    squares = np.cumsum(value.astype(np.float64) ** 2)
    before = np.concatenate([[0.0], squares])[titles.indptr[:-1]]
    telling = (squares - before[row] >= THRESHOLD**2 - TINY) & (ads_of_word[column] <= COMMON_WORD_ADS)
    return sparse.csr_array((value[telling], (row[telling], column[telling])), shape=titles.shape)


def _word_vectors(titles: Sequence[str], settings: TitleSettings) -> sparse.csr_array:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer=Normalizer(settings), sublinear_tf=True, dtype=np.float32)
    return sparse.csr_array(vectorizer.fit_transform(titles))
