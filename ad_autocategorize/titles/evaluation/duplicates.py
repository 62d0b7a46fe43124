"""Near-identical titles: who is whose twin, and groups for the split.

Two titles are twins when the sets of their character 3-grams, taken within words, overlap by a Jaccard similarity of at
least ``SIMILARITY``: "Sofá cama 2 cuerpos" and "Cama sofa, 2 cuerpos!" and, in long titles, one short word more or less.
The join is exact: two sets that similar share some of their rarest members (the prefix filter of Chaudhuri et al., "A
Primitive Operator for Similarity Joins in Data Cleaning", 2006; with several shared members, Wang et al., "Can We Beat the
Prefix Filtering?", 2012).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from ad_autocategorize.titles.features import character_ngrams
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings

SIMILARITY = 0.85
NGRAM = 3
# Of the rarest members of two similar sets, how many must be shared before the sets are compared in full.
PREFIX_OVERLAP = 3
# Candidate pairs looked at in one go; bounds the memory.
_CANDIDATES = 4_000_000
# Pairs compared in full in one go.
_PAIRS = 200_000
# Reads titles alike, however the scorer's own settings read them.
_PLAIN = TitleSettings()


@dataclass(frozen=True, slots=True)
class Twins:
    """Near-identical titles among n ads.

    Attributes
    ----------
    wording : shape (n,): number of the title's wording; titles of the same words share it.
    near : CSR of zeros and ones, shape (wordings, wordings), symmetric, ones on the diagonal: which wordings are alike.
    groups : shape (n,): ads linked by a chain of twins have the same number.
    """

    wording: NDArray[np.intp]
    near: sparse.csr_array
    groups: NDArray[np.intp]

    @property
    def counts(self) -> NDArray[np.float64]:
        """For each ad, how many other ads have a title like its own."""
        ads = np.bincount(self.wording, minlength=self.near.shape[0])
        return np.asarray((self.near @ ads)[self.wording] - 1, dtype=np.float64)


def find_twins(titles: Sequence[str]) -> Twins:
    """Find the near-identical titles."""
    normalize = Normalizer(_PLAIN)
    # A title without a word stands for itself.
    words = [tuple(sorted(set(normalize(title)))) or (title,) for title in titles]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(words))}
    wording = np.array([numbers[key] for key in words], dtype=np.intp)
    pairs = [np.empty((0, 2), dtype=np.intp), *_similar_pairs(_ngram_sets(list(numbers)))]
    left, right = np.vstack(pairs).T
    itself = np.arange(len(numbers))
    rows, columns = np.concatenate([left, right, itself]), np.concatenate([right, left, itself])
    near = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(numbers), len(numbers)))
    return Twins(wording, near, connected_components(near, directed=False)[1].astype(np.intp)[wording])


def _ngram_sets(wordings: Sequence[tuple[str, ...]]) -> sparse.csr_array:
    """Return the 3-grams of each wording as a CSR matrix of ones, the rarest 3-grams in the first columns."""
    index: dict[str, int] = {}
    columns: list[int] = []
    ends = [0]
    for words in wordings:
        ngrams = {ngram for word in words for ngram in character_ngrams(word, NGRAM, NGRAM)}
        columns.extend(index.setdefault(ngram, len(index)) for ngram in ngrams)
        ends.append(len(columns))
    found = np.array(columns, dtype=np.int64)
    rank = np.empty(len(index), dtype=np.int64)
    rank[np.argsort(np.bincount(found, minlength=len(index)), kind="stable")] = np.arange(len(index))
    sets = sparse.csr_array((np.ones(len(found), np.float32), rank[found], ends), shape=(len(wordings), len(index)))
    sets.sort_indices()
    return sets


def _similar_pairs(sets: sparse.csr_array) -> Iterator[NDArray[np.intp]]:
    """Yield the pairs of rows whose Jaccard similarity reaches ``SIMILARITY``, as arrays of shape (pairs, 2)."""
    sizes = np.diff(sets.indptr)
    # Sets of sizes a <= b that similar share at least SIMILARITY * b members. Of those, all but the last few are among the
    # first of each set: asking for several keeps common members from making candidates of everything.
    least = np.ceil(SIMILARITY * sizes - 1e-9).astype(np.int64)
    lengths = np.where(sizes > 0, np.minimum(sizes - least + PREFIX_OVERLAP, sizes), 0)
    kept = (np.arange(sets.nnz) - np.repeat(sets.indptr[:-1], sizes)) < np.repeat(lengths, sizes)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    prefixes = sparse.csr_array((sets.data[kept], sets.indices[kept], ends), shape=sets.shape)
    postings = sparse.csr_array(prefixes.T)
    # Small sets may have to share fewer members than are asked for.
    asked = np.minimum(least, PREFIX_OVERLAP).astype(np.float32)
    work = np.cumsum(prefixes @ np.diff(postings.indptr))
    for start, stop in _runs(work):
        candidates = sparse.coo_array(prefixes[start:stop] @ postings)
        later = candidates.col > candidates.row + start
        left, right = candidates.row[later].astype(np.intp) + start, candidates.col[later].astype(np.intp)
        enough = candidates.data[later] >= np.maximum(asked[left], asked[right])
        left, right = left[enough], right[enough]
        likely = np.minimum(sizes[left], sizes[right]) >= np.maximum(least[left], least[right])
        left, right = left[likely], right[likely]
        shared = _shared(sets, left, right)
        alike = shared >= SIMILARITY * (sizes[left] + sizes[right] - shared) - 1e-6
        yield np.column_stack([left[alike], right[alike]])


def _shared(sets: sparse.csr_array, left: NDArray[np.intp], right: NDArray[np.intp]) -> NDArray[np.float64]:
    parts = [
        (sets[left[start : start + _PAIRS]] * sets[right[start : start + _PAIRS]]).sum(axis=1)
        for start in range(0, len(left), _PAIRS)
    ]
    return np.concatenate([np.empty(0), *parts])


def _runs(work: NDArray[np.float64]) -> Iterator[tuple[int, int]]:
    """Cut rows into runs of bounded work, ``work`` being its running total; at least one row a run."""
    start = 0
    while start < len(work):
        done = work[start - 1] if start else 0.0
        stop = max(int(np.searchsorted(work, done + _CANDIDATES, side="right")), start + 1)
        yield start, stop
        start = stop
