"""Which titles are nearly identical: the one definition, for the evaluation and for the search for label errors.

Two titles are nearly identical when the cosine of their distinct words, weighted by inverse document frequency, is at least
``SIMILARITY``: "Sofá cama 2 cuerpos" and "Cama sofa, 2 cuerpos!" and, in long titles, a common word more or less. Titles of
the same words are one wording, and only wordings are compared, so that many copies of a title cost no more than one.

Training side: imports sparse_dot_topn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.titles.features import inverse_frequency
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings

SIMILARITY = 0.75
# Two equal vectors may have a cosine of a rounding error below one.
TINY = 1e-6
# The nearest wordings asked for; where one has as many, all are asked again for more.
FIRST_ASKED = 100


@dataclass(frozen=True, slots=True)
class Wordings:
    """The wordings of n titles.

    Attributes
    ----------
    of_title : shape (n,): number of the title's wording.
    near : CSR, shape (wordings, wordings), symmetric: the cosines of those that are nearly identical, 1 on the diagonal.
    """

    of_title: NDArray[np.intp]
    near: sparse.csr_array


def compare_wordings(titles: Sequence[str], settings: TitleSettings) -> Wordings:
    """Find the wordings of the titles, as the settings read them, and which are nearly identical."""
    normalize = Normalizer(settings)
    # A title without a word stands for itself.
    words = [tuple(sorted(set(normalize(title)))) for title in titles]
    keys = [found or title for found, title in zip(words, titles, strict=True)]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    of_title = np.array([numbers[key] for key in keys], dtype=np.intp)
    distinct = [key if isinstance(key, tuple) else () for key in numbers]
    vectors = _vectors(distinct, np.bincount(of_title, minlength=len(numbers)))
    # Those without words have no vector that is like itself.
    alone = sparse.diags_array((np.diff(vectors.indptr) == 0).astype(np.float64), format="csr")
    return Wordings(of_title, sparse.csr_array(_near(vectors) + alone))


def _vectors(wordings: Sequence[tuple[str, ...]], titles: NDArray[np.intp]) -> sparse.csr_array:
    """Return vectors of length 1, shape (wordings, words); ``titles`` says how many titles have each wording."""
    column: dict[str, int] = {}
    columns = np.array([column.setdefault(word, len(column)) for words in wordings for word in words], dtype=np.int32)
    lengths = np.array([len(words) for words in wordings], dtype=np.int32)
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    frequency = np.bincount(columns, np.repeat(titles, lengths), minlength=len(column))
    weights = inverse_frequency(int(titles.sum()), frequency)[columns]
    row = np.repeat(np.arange(len(wordings)), lengths)
    norms = np.sqrt(np.bincount(row, weights**2, minlength=len(wordings)))
    return sparse.csr_array((weights / norms[row], columns, ends), shape=(len(wordings), len(column)))


def _near(vectors: sparse.csr_array) -> sparse.csr_array:
    from sparse_dot_topn import sp_matmul_topn

    rows = sparse.csr_matrix(vectors)
    columns = sparse.csr_matrix(vectors.T)
    asked = FIRST_ASKED
    while True:
        near = sp_matmul_topn(rows, columns, top_n=asked, threshold=SIMILARITY - TINY)
        if near.shape[0] <= asked or np.diff(near.indptr).max() < asked:
            return sparse.csr_array(near)
        asked *= 10
