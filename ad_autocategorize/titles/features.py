"""TF-IDF features of titles, built so that a word's whole contribution is one fixed vector.

A title has two blocks of features. The word block holds its distinct words, its distinct pairs of neighbouring words, and
its first and last word marked as such. The character block holds, for each distinct word, the distinct character n-grams
of that word with its boundaries. Every feature weighs its inverse document frequency, ``ln((1 + n) / (1 + df)) + 1`` (the
smoothed form of scikit-learn's ``TfidfTransformer``), and each block is divided by its length, where the squared length of
the character block is the sum over words. Hence the contribution of a word to any linear score does not depend on the rest
of the title but for the two divisors, and a compiled scorer can keep it as one row.

Words that training never saw, and n-grams that it hardly saw, say nothing but count in the length: of a title full of them
little is left that speaks for any category. A word that may be learned from but not listed is one that training never saw, too,
but that its n-grams are learned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain, islice, pairwise, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.titles.settings import TitleSettings

FloatArray = NDArray[np.float64]
# Words that no vocabulary may hold, nor anything that tells them, each with the n-grams that are not learned of it.
Unlisted = Mapping[str, AbstractSet[str]]

# Marked words weigh less than plain ones, so that word order refines and does not decide.
POSITION_WEIGHT = 0.7
NUMBERED_TOGETHER = 10_000


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
class Contents:
    """What tokenised titles hold, before anything is learned: taken apart once, however many parts of them are learned from.

    Attributes
    ----------
    features : the distinct features of the word block, in order of appearance.
    occurrences : CSR of ones, shape (titles, features).
    words : the distinct words; ``membership``, CSR of ones, shape (titles, words), says which title has which.
    ngrams : their distinct character n-grams; ``spelling``, CSR of ones, shape (words, n-grams), says which word has which.
    listed : bool[features], the features that a vocabulary may hold.
    unlisted : bool[words], the words that no feature which is listed holds: of these the n-grams alone are learned.
    """

    features: Sequence[str]
    occurrences: sparse.csr_array
    words: Sequence[str]
    membership: sparse.csr_array
    ngrams: Sequence[str]
    spelling: sparse.csr_array
    listed: NDArray[np.bool_]
    unlisted: NDArray[np.bool_]

    @classmethod
    def of(cls, titles: Sequence[Sequence[str]], settings: TitleSettings, unlisted: Unlisted | None = None) -> Contents:
        """Take tokenised titles apart as the settings say."""
        unlisted = unlisted or {}
        if settings.features == "words":
            features, occurrences = _number(map(dict.fromkeys, titles))
            blank = sparse.csr_array((len(titles), 0)), (), sparse.csr_array((0, 0))
            return cls(features, occurrences, (), *blank, ~_hold(features, unlisted), np.empty(0, dtype=bool))
        features, occurrences = _number(map(word_features, titles))
        words, membership = _number(map(dict.fromkeys, titles))
        lengths = settings.min_character_ngram, settings.max_character_ngram
        ngrams, spelling = _number(_without(character_ngrams(word, *lengths), unlisted.get(word)) for word in words)
        known = ~_hold(features, unlisted), _hold(words, unlisted)
        return cls(features, occurrences, words, membership, ngrams, spelling, *known)

    def part(self, chosen: Sequence[int] | NDArray[np.intp]) -> Contents:
        """Return what some of the titles hold."""
        return replace(self, occurrences=self.occurrences[chosen], membership=self.membership[chosen])

    def has_listed(self) -> bool:
        """Return whether a vocabulary of the titles would hold anything."""
        return bool(self.listed[self.occurrences.indices].any())

    def telling(self) -> NDArray[np.bool_]:
        """Return the n-grams that stand in one word of the titles alone, an unlisted one, bool[n-grams]: they would tell it."""
        if not self.unlisted.any():
            return np.zeros(len(self.ngrams), dtype=bool)
        present = np.bincount(self.membership.indices, minlength=len(self.words)) > 0
        of_words, of_unlisted = (
            np.asarray(chosen.astype(np.float64) @ self.spelling) for chosen in (present, present & self.unlisted)
        )
        return np.asarray((of_words == 1) & (of_unlisted == 1))


@dataclass(frozen=True, slots=True)
class Frequencies:
    """In how many of ``titles`` each feature occurs: all that there is to know of a vocabulary.

    ``word_features`` are those of the word block, ``ngrams`` those of the character block, both in the order of their columns;
    ``of_word_features`` and ``of_ngrams``, int64, are their numbers of titles.
    """

    titles: int
    word_features: Sequence[str]
    of_word_features: NDArray[np.int64]
    ngrams: Sequence[str]
    of_ngrams: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Block:
    """The vocabulary of one block: ``weights[index[feature]]`` is the feature's weight."""

    index: dict[str, int]
    weights: FloatArray

    def __len__(self) -> int:
        return len(self.index)

    def weigh(self, features: Sequence[str], occurrences: sparse.csr_array) -> sparse.csr_array:
        """Return the weights of what occurs: CSR, shape (rows, ``len(self)``); features that are not known are left out."""
        column = np.fromiter(map(self.index.get, features, repeat(-1)), dtype=np.int32, count=len(features))
        columns = column[occurrences.indices]
        known = columns >= 0
        ends = np.concatenate([[0], np.cumsum(known)])[occurrences.indptr].astype(np.int32)
        columns = columns[known]
        return sparse.csr_array((self.weights[columns], columns, ends), shape=(occurrences.shape[0], len(self)))


class TitleFeatures:
    """Learns the vocabulary of titles and turns titles into TF-IDF rows.

    Columns of the result are the word block's features, then the character block's (absent for ``features="words"``).
    """

    frequencies: Frequencies
    words: Block
    characters: Block
    # The weights of a word, and of an n-gram, that is not in the vocabulary.
    unknown_word: float
    unknown_ngram: float

    def __init__(self, settings: TitleSettings) -> None:
        self._settings = settings

    def fit(self, titles: Contents) -> TitleFeatures:
        """Learn vocabulary and document frequencies."""
        count, least = titles.occurrences.shape[0], self._settings.min_document_frequency
        frequency = np.bincount(titles.occurrences.indices, minlength=len(titles.features))
        # A word on its own is kept however rare: it is the only trace of a brand seen once.
        alone = np.fromiter((" " not in feature for feature in titles.features), dtype=bool, count=len(frequency))
        kept = np.flatnonzero(((frequency >= least) | (alone & (frequency > 0))) & titles.listed)
        # The product's structure says which title has which n-gram, however many of its words share it.
        of_ngrams = np.bincount((titles.membership @ titles.spelling).indices, minlength=len(titles.ngrams))
        spelt = np.flatnonzero((of_ngrams >= least) & ~titles.telling())
        word_features = [titles.features[column] for column in kept.tolist()]
        ngrams = [titles.ngrams[column] for column in spelt.tolist()]
        return self.restore(Frequencies(count, word_features, frequency[kept], ngrams, of_ngrams[spelt]))

    def restore(self, frequencies: Frequencies) -> TitleFeatures:
        """Take over a vocabulary that was learned before."""
        self.frequencies, count = frequencies, frequencies.titles
        self.words = _block(frequencies.word_features, frequencies.of_word_features, count)
        self.words.weights[np.fromiter(map(is_position_feature, self.words.index), bool, len(self.words))] *= (
            POSITION_WEIGHT
        )
        self.characters = _block(frequencies.ngrams, frequencies.of_ngrams, count)
        self.unknown_word, self.unknown_ngram = (inverse_frequency(count, ads) for ads in (0, 1))
        return self

    def transform(self, titles: Contents) -> sparse.csr_array:
        """Return the features of titles: float64 CSR of shape (titles, features), rows of blocks of length 1."""
        words = self.words.weigh(titles.features, titles.occurrences)
        strange = [" " not in feature and feature not in self.words.index for feature in titles.features]
        unknown = titles.occurrences @ np.array(strange, dtype=np.float64)
        blocks = [_divide_rows(words, _squared_lengths(words) + unknown * self.unknown_word**2)]
        if len(self.characters):
            contributions = self.characters.weigh(titles.ngrams, titles.spelling)
            characters = sparse.csr_array(titles.membership @ contributions)
            squares = self._spelling_squares(titles.spelling, contributions)
            blocks.append(_divide_rows(characters, titles.membership @ squares))
        return sparse.csr_array(sparse.hstack(blocks, format="csr"))

    def spell(self, features: Sequence[str]) -> tuple[sparse.csr_array, FloatArray]:
        """Return what features of the word block hold of the character block.

        That is the weighted n-grams of words, CSR of shape (features, character features), and what a word adds to the block's
        squared length, shape (features,). Pairs of words and position marks have no n-grams of their own.
        """
        if not len(self.characters):
            return sparse.csr_array((len(features), 0)), np.zeros(len(features))
        lengths = self._settings.min_character_ngram, self._settings.max_character_ngram
        ngrams, spelling = _number([] if " " in name else character_ngrams(name, *lengths) for name in features)
        contributions = self.characters.weigh(ngrams, spelling)
        return contributions, self._spelling_squares(spelling, contributions)

    def _spelling_squares(self, spelling: sparse.csr_array, contributions: sparse.csr_array) -> FloatArray:
        """Return the squared lengths of words in the character block, n-grams outside the vocabulary included."""
        unknown = np.diff(spelling.indptr) - np.diff(contributions.indptr)
        return np.asarray(_squared_lengths(contributions) + unknown * self.unknown_ngram**2)


def inverse_frequency(titles: int, frequency: NDArray[np.intp] | int) -> Any:
    """Return the weight of what occurs in ``frequency`` of so many titles."""
    return np.log((1 + titles) / (1 + np.asarray(frequency, dtype=np.float64))) + 1


def _without(ngrams: list[str], muted: AbstractSet[str] | None) -> list[str]:
    return [ngram for ngram in ngrams if ngram not in muted] if muted else ngrams


def _hold(features: Sequence[str], words: Unlisted) -> NDArray[np.bool_]:
    """Return which features of the word block hold one of the words, bool[features]."""
    if not words:
        return np.zeros(len(features), dtype=bool)
    found = (not words.keys().isdisjoint(feature.split(" ")) for feature in features)
    return np.fromiter(found, dtype=bool, count=len(features))


def _block(features: Sequence[str], frequency: NDArray[np.int64], titles: int) -> Block:
    """Return the features in their order, with their inverse document frequencies."""
    index = {feature: column for column, feature in enumerate(features)}
    return Block(index, inverse_frequency(titles, frequency))


def _number(documents: Iterable[Collection[str]]) -> tuple[list[str], sparse.csr_array]:
    """Number all features by first appearance; return them and a CSR matrix of ones (documents, features)."""
    index: defaultdict[str, int] = defaultdict()
    index.default_factory = index.__len__
    lengths, columns = [np.zeros(1, dtype=np.int64)], []
    # By the thousand: the features of all titles at once would be gigabytes on a large site.
    remaining = iter(documents)
    while held := list(islice(remaining, NUMBERED_TOGETHER)):
        lengths.append(np.fromiter(map(len, held), dtype=np.int64, count=len(held)))
        # Through C alone: a loop over millions of n-grams would take longer than all the rest. liblinear takes 32-bit indices.
        numbers = map(index.__getitem__, chain.from_iterable(held))
        columns.append(np.fromiter(numbers, dtype=np.int32, count=int(lengths[-1].sum())))
    ends = np.cumsum(np.concatenate(lengths)).astype(np.int32)
    numbered = np.concatenate([np.empty(0, dtype=np.int32), *columns])
    shape = (len(ends) - 1, len(index))
    return list(index), sparse.csr_array((np.ones(len(numbered)), numbered, ends), shape=shape)


def _squared_lengths(matrix: sparse.csr_array) -> FloatArray:
    return np.asarray(matrix.multiply(matrix).sum(axis=1), dtype=np.float64).ravel()


def _divide_rows(matrix: sparse.csr_array, squared_lengths: FloatArray) -> sparse.csr_array:
    divisors = np.sqrt(np.where(squared_lengths > 0, squared_lengths, 1.0))
    matrix.data /= np.repeat(divisors, np.diff(matrix.indptr))
    return matrix
