"""TF-IDF features of titles, built so that a word's whole contribution is one fixed vector.

A title has two blocks of features. The word block holds its distinct words, its distinct pairs of neighbouring words, and
its first and last word marked as such. The character block holds, for each distinct word, the distinct character n-grams
of that word with its boundaries. Every feature weighs its inverse document frequency, ``ln((1 + n) / (1 + df)) + 1`` (the
smoothed form of scikit-learn's ``TfidfTransformer``), and each block is divided by its length, where the squared length of
the character block is the sum over words. Hence the contribution of a word to any linear score does not depend on the rest
of the title but for the two divisors, and a compiled scorer can keep it as one row.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, repeat

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.titles.settings import TitleSettings

FloatArray = NDArray[np.float64]

# Marked words weigh less than plain ones, so that word order refines and does not decide.
POSITION_WEIGHT = 0.7


def word_features(tokens: Sequence[str]) -> list[str]:
    """Return the distinct features of the word block: words, "a b" pairs, " first" and "last " (tokens have no spaces)."""
    features = dict.fromkeys(tokens)
    features.update(dict.fromkeys(f"{left} {right}" for left, right in pairwise(tokens)))
    if tokens:
        features[" " + tokens[0]] = None
        features[tokens[-1] + " "] = None
    return list(features)


def character_ngrams(word: str, shortest: int, longest: int) -> list[str]:
    """Return the distinct n-grams of ``word`` with a space at both ends, lengths ``shortest`` to ``longest``."""
    padded = f" {word} "
    size = len(padded)
    lengths = range(min(shortest, size), min(longest, size) + 1)
    return list(dict.fromkeys(padded[start : start + n] for n in lengths for start in range(size - n + 1)))


def is_position_feature(feature: str) -> bool:
    """Return whether a feature of the word block marks the title's first or last word."""
    return feature[0] == " " or feature[-1] == " "


@dataclass(frozen=True, slots=True)
class Block:
    """The vocabulary of one block: ``weights[index[feature]]`` is the feature's weight."""

    index: dict[str, int]
    weights: FloatArray

    def __len__(self) -> int:
        return len(self.index)


class TitleFeatures:
    """Learns the vocabulary of tokenised titles and turns titles into TF-IDF rows.

    Columns of the result are the word block's features, then the character block's (absent for ``features="words"``).
    """

    words: Block
    characters: Block

    def __init__(self, settings: TitleSettings) -> None:
        self._settings = settings
        # The distinct words of the titles learned from, and their n-grams, weighted: CSR of shape (words, characters).
        self._known_words: dict[str, int] = {}
        self._known_ngrams = sparse.csr_array((0, 0))

    def fit(self, titles: Sequence[Sequence[str]]) -> TitleFeatures:
        """Learn vocabulary and document frequencies from tokenised titles."""
        frequency = Counter(feature for tokens in titles for feature in self.word_features(tokens))
        least = self._settings.min_document_frequency
        # A word on its own is kept however rare: it is the only trace of a brand seen once.
        kept = [feature for feature, count in frequency.items() if count >= least or " " not in feature]
        weights = _inverse_document_frequency([frequency[feature] for feature in kept], len(titles))
        marked = np.fromiter(map(is_position_feature, kept), dtype=bool, count=len(kept))
        weights[marked] *= POSITION_WEIGHT
        self.words = Block({feature: position for position, feature in enumerate(kept)}, weights)
        self.characters = self._fit_characters(titles) if self._settings.features != "words" else Block({}, np.empty(0))
        return self

    def transform(self, titles: Sequence[Sequence[str]]) -> sparse.csr_array:
        """Return the features of tokenised titles: float64 CSR of shape (titles, features), rows of blocks of length 1."""
        words = _indicators(map(self.word_features, titles), self.words.index)
        words = _scale_columns(words, self.words.weights)
        blocks = [_divide_rows(words, _squared_lengths(words))]
        if len(self.characters):
            distinct, membership = _distinct_words(titles)
            contributions = self.word_ngrams(distinct)
            characters = sparse.csr_array(membership @ contributions)
            blocks.append(_divide_rows(characters, membership @ _squared_lengths(contributions)))
        return sparse.csr_array(sparse.hstack(blocks, format="csr"))

    def word_features(self, tokens: Sequence[str]) -> list[str]:
        """Return the features of the word block under the settings."""
        return word_features(tokens) if self._settings.features != "words" else list(dict.fromkeys(tokens))

    def word_ngrams(self, words: Sequence[str]) -> sparse.csr_array:
        """Return the weighted n-grams of single words: CSR of shape (words, character features)."""
        # The words of the titles that were learned from are ready; taking them apart again is slow.
        known, block = self._known_words, self.characters
        strangers = [word for word in words if word not in known]
        position = {word: len(known) + number for number, word in enumerate(strangers)}
        rows = [known[word] if word in known else position[word] for word in words]
        apart = _indicators(map(self._ngrams, strangers), block.index)
        return sparse.csr_array(
            sparse.vstack([self._known_ngrams, _scale_columns(apart, block.weights)], format="csr")[rows]
        )

    def _ngrams(self, word: str) -> list[str]:
        return character_ngrams(word, self._settings.min_character_ngram, self._settings.max_character_ngram)

    def _fit_characters(self, titles: Sequence[Sequence[str]]) -> Block:
        distinct, membership = _distinct_words(titles)
        index, ngrams = _number(map(self._ngrams, distinct))
        # The product's structure says which title has which n-gram, however many of its words share it.
        frequency = np.bincount((membership @ ngrams).indices, minlength=len(index))
        kept = [
            (ngram, frequency[i]) for ngram, i in index.items() if frequency[i] >= self._settings.min_document_frequency
        ]
        weights = _inverse_document_frequency([count for _, count in kept], len(titles))
        block = Block({ngram: position for position, (ngram, _) in enumerate(kept)}, weights)
        self._known_words = {word: row for row, word in enumerate(distinct)}
        self._known_ngrams = _scale_columns(ngrams[:, [index[ngram] for ngram in block.index]], weights)
        return block


def _inverse_document_frequency(counts: Sequence[int], titles: int) -> FloatArray:
    return np.log((1 + titles) / (1 + np.asarray(counts, dtype=np.float64))) + 1


def _indicators(documents: Iterable[Collection[str]], index: Mapping[str, int]) -> sparse.csr_array:
    """Return a CSR matrix of ones, row = document, column = place in ``index``; features not in it are left out."""
    lengths, features = _lay_out(documents)
    # Through C alone: a loop over millions of n-grams would take longer than all the rest.
    columns = np.fromiter(map(index.get, features, repeat(-1)), dtype=np.int32, count=int(lengths.sum()))
    known = columns >= 0
    rows = np.repeat(np.arange(len(lengths)), lengths)[known]
    return _ones(columns[known], np.bincount(rows, minlength=len(lengths)), len(index))


def _number(documents: Iterable[Collection[str]]) -> tuple[dict[str, int], sparse.csr_array]:
    """Number all features by first appearance; return the numbers and a CSR matrix of ones (documents, features)."""
    lengths, features = _lay_out(documents)
    index: defaultdict[str, int] = defaultdict()
    index.default_factory = index.__len__
    columns = np.fromiter(map(index.__getitem__, features), dtype=np.int32, count=int(lengths.sum()))
    return dict(index), _ones(columns, lengths, len(index))


def _lay_out(documents: Iterable[Collection[str]]) -> tuple[NDArray[np.int64], Iterator[str]]:
    """Return how many features each document has, and all of them one after the other."""
    held = list(documents)
    return np.fromiter(map(len, held), dtype=np.int64, count=len(held)), chain.from_iterable(held)


def _ones(columns: NDArray[np.int32], lengths: NDArray[np.int64], width: int) -> sparse.csr_array:
    # liblinear takes 32-bit indices only.
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return sparse.csr_array((np.ones(len(columns)), columns, ends), shape=(len(lengths), width))


def _distinct_words(titles: Sequence[Sequence[str]]) -> tuple[list[str], sparse.csr_array]:
    """Return the distinct words of all titles, and a (titles, words) matrix of ones."""
    index, rows = _number(map(dict.fromkeys, titles))
    return list(index), rows


def _scale_columns(matrix: sparse.csr_array, weights: FloatArray) -> sparse.csr_array:
    matrix.data *= weights[matrix.indices]
    return matrix


def _squared_lengths(matrix: sparse.csr_array) -> FloatArray:
    return np.asarray(matrix.multiply(matrix).sum(axis=1), dtype=np.float64).ravel()


def _divide_rows(matrix: sparse.csr_array, squared_lengths: FloatArray) -> sparse.csr_array:
    divisors = np.sqrt(np.where(squared_lengths > 0, squared_lengths, 1.0))
    matrix.data /= np.repeat(divisors, np.diff(matrix.indptr))
    return matrix
