"""Which rows of the scorer's table a title adds up.

The table begins with the words that training saw and the pairs of neighbouring words, by falling frequency. Character n-grams
follow; the last two rows stand for any unknown n-gram and any unknown word. Each end of a title counts as a word in pairs, so
that pairs also mark a title's first and last word. The row of a frequent word includes what its n-grams contribute, which are
"folded" into it. Only rare and unknown words are looked up by their n-grams.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.features import character_ngrams
from ad_autocategorize.titles.normalization import BREAK, Normalizer
from ad_autocategorize.titles.settings import TitleSettings

Array = NDArray[Any]

# How many rare or unknown words have the rows of their n-grams cached: sellers write the same ones again and again.
REMEMBERED_WORDS = 4096


@dataclass(frozen=True, slots=True)
class Entries:
    """What a vocabulary holds.

    Attributes
    ----------
    words : the known words; ``word_rows``, int32, shape (words,), are their rows.
    pairs : int64, shape (pairs,), ascending: the keys of the known pairs (see ``pair_keys``); ``pair_rows``, int32, shape
        (pairs,), are their rows.
    ngrams : the known n-grams, in the order of their rows, which follow those of words and pairs.
    folded_rows : of the first so many rows, those of words include the words' n-grams.
    """

    words: Sequence[str]
    word_rows: Array
    pairs: Array
    pair_rows: Array
    ngrams: Sequence[str]
    folded_rows: int

    @property
    def rows(self) -> int:
        """The number of rows, of which the last two stand for an unknown n-gram and an unknown word."""
        return len(self.words) + len(self.pairs) + len(self.ngrams) + 2


class Vocabulary:
    """Finds rows; immutable and safe to share between threads."""

    def __init__(self, settings: TitleSettings, entries: Entries) -> None:
        self.entries = entries
        self._normalize = Normalizer(settings)
        # Two numbers that are no rows, but stand where those of words do: for an end of the title and for an unknown word.
        self._boundary, self._unknown = entries.rows, entries.rows + 1
        self._word_rows = dict(zip(entries.words, entries.word_rows.tolist(), strict=True))
        # Follows each title in a batch, and so is the end of that title and the beginning of the next.
        self._word_rows[BREAK] = self._boundary
        self._pair_rows = dict(zip(entries.pairs.tolist(), entries.pair_rows.tolist(), strict=True))
        self._unknown_ngram, self._unknown_word = entries.rows - 2, entries.rows - 1
        self._first_ngram = self._unknown_ngram - len(entries.ngrams)
        self._ngram_rows = dict(zip(entries.ngrams, range(self._first_ngram, self._unknown_ngram), strict=True))
        # A function is cached and not a method: a vocabulary that refers to itself would stay in memory for a while after its
        # model was swapped for another.
        unknown = self._unknown_word, self._unknown_ngram
        find = partial(_find_ngrams, settings, self._word_rows, self._ngram_rows, unknown)
        self._rows_of_ngrams = lru_cache(REMEMBERED_WORDS)(find)

    def rows(self, title: str) -> list[int]:
        """Return the rows of a title in ascending order; empty if nothing in it is known."""
        tokens = self._normalize(title)
        if not tokens:
            return []
        find, find_pair, unknown = self._word_rows.get, self._pair_rows.get, self._unknown
        words = [find(token, unknown) for token in tokens]
        found = {*words}
        if self._pair_rows:
            left, stride = self._boundary, _stride(self.entries.rows)
            for right in (*words, self._boundary):
                # ``pair_keys`` for two numbers, without a call per pair.
                found.add(find_pair(left * stride + right, unknown))
                left = right
        found.discard(unknown)
        rows = sorted(found)
        folded = self.entries.folded_rows
        if max(words) >= folded:
            # The number of an unknown word is beyond all rows, so that this takes the unknown words too.
            unfolded = {token for token, row in zip(tokens, words, strict=True) if row >= folded}
            rows += sorted([row for word in unfolded for row in self._rows_of_ngrams(word)])
        # Rows ascend: if the first one stands for something unknown, all do.
        return rows if rows and rows[0] < self._unknown_ngram else []

    def rows_of_many(self, titles: Sequence[str]) -> tuple[Array, Array]:
        """Return the rows of each title, as the indices and row pointers of a CSR matrix (int32).

        They are those that ``rows`` returns, with one exception: for a title of which nothing is known ``rows`` returns none, and
        this method those of an unknown word and its n-grams. ``any_known`` tells these titles apart.
        """
        tokens = self._normalize.many(titles)
        find, size = self._word_rows.get, self.entries.rows
        words = np.fromiter(map(find, tokens, repeat(self._unknown)), dtype=np.int64, count=len(tokens))
        # Each row is found as a key: the title's number times ``size``, plus the row. Sorted keys are in order by title and row.
        ends = words == self._boundary
        base = (np.cumsum(ends) - ends) * size
        known = words < self._boundary
        parts = [base[known] + words[known]]
        if len(self.entries.pairs):
            parts.append(self._keys_of_pairs(words, base))
        unfolded = np.flatnonzero((words >= self.entries.folded_rows) & ~ends)
        if unfolded.size:
            parts.append(self._keys_of_ngrams(tokens, unfolded, base))
        keys = np.sort(np.concatenate(parts))
        rows = keys % size
        # A word or pair counts once per title; an n-gram once for each word that has it.
        is_repeated = np.concatenate([[False], keys[1:] == keys[:-1]]) & (rows < self._first_ngram)
        if is_repeated.any():
            keys, rows = keys[~is_repeated], rows[~is_repeated]
        starts = np.searchsorted(keys, np.arange(len(titles) + 1) * size)
        return rows.astype(np.int32), starts.astype(np.int32)

    def any_known(self, rows: Array, starts: Array) -> Array:
        """Return whether anything in each title is known, bool, shape (titles,), given what ``rows_of_many`` returned."""
        filled = np.flatnonzero(np.diff(starts))
        known = np.zeros(len(starts) - 1, dtype=bool)
        known[filled] = rows[starts[filled]] < self._unknown_ngram
        return known

    def _keys_of_pairs(self, words: Array, base: Array) -> Array:
        """Return the keys of the known pairs, given the row of each token and the part of its key that says the title."""
        pairs = self.entries.pairs
        wanted = pair_keys(np.concatenate([[self._boundary], words[:-1]]), words, self.entries.rows)
        places = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
        exists = pairs[places] == wanted
        return np.asarray(base[exists] + self.entries.pair_rows[places[exists]])

    def _keys_of_ngrams(self, tokens: list[str], unfolded: Array, base: Array) -> Array:
        """Return the keys of the n-grams of the tokens at ``unfolded``."""
        # A word that a title has several times counts once.
        words = dict.fromkeys((int(base[position]), tokens[position]) for position in unfolded.tolist())
        rows = [self._rows_of_ngrams(word) for _, word in words]
        counts = list(map(len, rows))
        bases = np.repeat([start for start, _ in words], counts)
        return bases + np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=sum(counts))


def _find_ngrams(
    settings: TitleSettings, word_rows: dict[str, int], ngram_rows: dict[str, int], unknown: tuple[int, int], word: str
) -> tuple[int, ...]:
    """Return the rows of a word's n-grams, and of an unknown word for one that is not in ``word_rows``.

    ``unknown`` are the rows that stand for an unknown word and for an unknown n-gram.
    """
    unknown_word, unknown_ngram = unknown
    rows = [] if word in word_rows else [unknown_word]
    if ngram_rows:
        ngrams = character_ngrams(word, settings.min_character_ngram, settings.max_character_ngram)
        rows += map(ngram_rows.get, ngrams, repeat(unknown_ngram))
    return tuple(rows)


def pair_keys(left: Array, right: Array, rows: int) -> Array:
    """Return a number for each pair of words, given the rows of both, int64 of one shape.

    ``rows`` is the number of all rows. In place of a word's row it stands for an end of the title.
    """
    return left * _stride(rows) + right


def _stride(rows: int) -> int:
    # Two numbers follow those of the rows: that of an end of the title and that of an unknown word.
    return rows + 2
