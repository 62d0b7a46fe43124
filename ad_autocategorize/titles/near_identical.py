"""Ads with nearly the same title: read together, they show what one ad at a time cannot. Training side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings

# Cosine of two titles' TF-IDF words from which they count as nearly the same.
THRESHOLD = 0.75
BATCH = 256
# A word of more ads than this finds no neighbours by itself; it still counts in the comparison.
COMMON_WORD_ADS = 2000


@dataclass(frozen=True, slots=True)
class Neighbors:
    """Positions of the ads nearly identical to one, most alike first."""

    rows: NDArray[np.intp]
    similarities: NDArray[np.float64]


def find_near_identical(
    titles: Sequence[str], wanted: Sequence[int], settings: TitleSettings, *, limit: int = 12
) -> list[Neighbors]:
    """Return for each of the ``wanted`` positions the ads nearly identical to it, itself left out, ``limit`` at most."""
    words = _word_vectors(titles, settings)
    common = np.diff(words.tocsc().indptr) > COMMON_WORD_ADS
    seeds = words.copy()
    seeds.data[common[seeds.indices]] = 0
    seeds.eliminate_zeros()
    transposed = sparse.csr_array(seeds.T)
    answers = []
    for start in range(0, len(wanted), BATCH):
        rows = np.asarray(wanted[start : start + BATCH], dtype=np.intp)
        # What rare words alone add up to picks those worth a full comparison.
        rough = sparse.csr_array(words[rows] @ transposed)
        for position, row in enumerate(rows):
            candidates = rough.indices[rough.indptr[position] : rough.indptr[position + 1]]
            answers.append(_nearest(words, int(row), candidates[candidates != row], limit))
    return answers


def _nearest(words: sparse.csr_array, row: int, candidates: NDArray[np.intp], limit: int) -> Neighbors:
    if not len(candidates):
        return Neighbors(np.empty(0, dtype=np.intp), np.empty(0))
    similarities = np.asarray((words[candidates] @ words[[row]].T).todense(), dtype=np.float64).ravel()
    order = np.argsort(-similarities, kind="stable")[:limit]
    order = order[similarities[order] >= THRESHOLD]
    return Neighbors(candidates[order].astype(np.intp), similarities[order])


def _word_vectors(titles: Sequence[str], settings: TitleSettings) -> sparse.csr_array:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer=Normalizer(settings), sublinear_tf=True, dtype=np.float32)
    return sparse.csr_array(vectorizer.fit_transform(titles))
