"""TF-IDF features of titles, built so that a word's whole contribution is one fixed vector.

A title has two blocks of features. The word block holds its distinct words, its distinct pairs of neighbouring words, and
its first and last word marked as such. The character block holds, for each distinct word, the distinct character n-grams
of that word with its boundaries. Every feature weighs its inverse document frequency, ``ln((1 + n) / (1 + df)) + 1`` (the
smoothed form of scikit-learn's ``TfidfTransformer``), and each block is divided by its length, where the squared length of
the character block is the sum over words. Hence the contribution of a word to any linear score does not depend on the rest
of the title but for the two divisors, and a compiled scorer can keep it as one row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

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
        words = _indicators((self.word_features(tokens) for tokens in titles), self.words.index.get, len(self.words))
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
        block = self.characters
        return _scale_columns(
            _indicators(map(self._ngrams, words), block.index.get, len(block)),
            block.weights,
        )

    def _ngrams(self, word: str) -> list[str]:
        return character_ngrams(word, self._settings.min_character_ngram, self._settings.max_character_ngram)

    def _fit_characters(self, titles: Sequence[Sequence[str]]) -> Block:
        distinct, membership = _distinct_words(titles)
        index: dict[str, int] = {}
        ngrams = _indicators(map(self._ngrams, distinct), lambda ngram: index.setdefault(ngram, len(index)), None)
        # The product's structure says which title has which n-gram, however many of its words share it.
        frequency = np.bincount((membership @ ngrams).indices, minlength=len(index))
        kept = [
            (ngram, frequency[i]) for ngram, i in index.items() if frequency[i] >= self._settings.min_document_frequency
        ]
        weights = _inverse_document_frequency([count for _, count in kept], len(titles))
        return Block({ngram: position for position, (ngram, _) in enumerate(kept)}, weights)


def _inverse_document_frequency(counts: Sequence[int], titles: int) -> FloatArray:
    return np.log((1 + titles) / (1 + np.asarray(counts, dtype=np.float64))) + 1


def _indicators(
    documents: Iterable[Iterable[str]], lookup: Callable[[str], int | None], columns: int | None
) -> sparse.csr_array:
    """Return a CSR matrix of ones: row = document, column = what ``lookup`` gives; unknown features are left out."""
    indices: list[int] = []
    ends = [0]
    for document in documents:
        indices.extend(column for column in map(lookup, document) if column is not None)
        ends.append(len(indices))
    width = columns if columns is not None else max(indices, default=-1) + 1
    # liblinear takes 32-bit indices only.
    structure = np.asarray(indices, dtype=np.int32), np.asarray(ends, dtype=np.int32)
    return sparse.csr_array((np.ones(len(indices)), *structure), shape=(len(ends) - 1, width))


def _distinct_words(titles: Sequence[Sequence[str]]) -> tuple[list[str], sparse.csr_array]:
    """Return the distinct words of all titles, and a (titles, words) matrix of ones."""
    index: dict[str, int] = {}
    rows = _indicators(map(dict.fromkeys, titles), lambda word: index.setdefault(word, len(index)), None)
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
