"""Which rows of the scorer's table a title adds up.

The words that training saw and pairs of neighbouring words come first, the most frequent ahead of the others; character
n-grams follow, and last an n-gram and a word that are not known. Both ends of a title count as a word, so that pairs mark the
first and the last word too. Only the words that training never saw, or hardly ever, are read by their n-grams: the row of a
frequent word holds all that its n-grams contribute.
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

# Words whose n-grams are looked up, but that sellers write again and again.
REMEMBERED_WORDS = 4096


@dataclass(frozen=True, slots=True)
class Entries:
    """What a vocabulary holds.

    Attributes
    ----------
    words : the known words; ``word_rows``, int32, shape (words,), are their rows.
    pairs : int64, shape (pairs,), ascending: the keys of the known pairs (see ``pair_keys``); ``pair_rows`` are theirs.
    ngrams : the known n-grams, whose rows follow those of words and pairs.
    folded_rows : the words whose rows come before this one have their n-grams folded in.
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
        self._boundary, self._unknown = entries.rows, entries.rows + 1
        self._word_rows = dict(zip(entries.words, entries.word_rows.tolist(), strict=True))
        # A token that no title has: it parts titles in a batch.
        self._word_rows[BREAK] = self._boundary
        self._pair_rows = dict(zip(entries.pairs.tolist(), entries.pair_rows.tolist(), strict=True))
        self._unknown_ngram, self._unknown_word = entries.rows - 2, entries.rows - 1
        self._first_ngram = self._unknown_ngram - len(entries.ngrams)
        self._ngram_rows = dict(zip(entries.ngrams, range(self._first_ngram, self._unknown_ngram), strict=True))
        # No method is cached: a vocabulary that refers to itself would stay in memory for a while after its model was swapped.
        unknown = self._unknown_word, self._unknown_ngram
        find = partial(_find_ngrams, settings, self._word_rows, self._ngram_rows, unknown)
        self._rows_of_ngrams = lru_cache(REMEMBERED_WORDS)(find)

    def rows(self, title: str) -> list[int]:
        """Return the rows of a title in ascending order; empty where nothing in it is known."""
        tokens = self._normalize(title)
        if not tokens:
            return []
        find, find_pair, unknown = self._word_rows.get, self._pair_rows.get, self._unknown
        words = [find(token, unknown) for token in tokens]
        rows = {*words}
        if self._pair_rows:
            left, stride = self._boundary, _stride(self.entries.rows)
            for right in (*words, self._boundary):
                rows.add(find_pair(left * stride + right, unknown))
                left = right
        rows.discard(unknown)
        known = sorted(rows)
        if max(words) >= self.entries.folded_rows:
            folded = self.entries.folded_rows
            strangers = {token for token, row in zip(tokens, words, strict=True) if row >= folded}
            known += sorted([row for word in strangers for row in self._rows_of_ngrams(word)])
        return known if known and known[0] < self._unknown_ngram else []

    def rows_of_many(self, titles: Sequence[str]) -> tuple[Array, Array]:
        """Return the rows of each title, as the indices and row pointers of a CSR matrix (int32).

        They are those of ``rows``, but that a title of unknown words has theirs: see ``any_known``.
        """
        tokens = self._normalize.many(titles)
        find, size, pairs = self._word_rows.get, self.entries.rows, self.entries.pairs
        words = np.fromiter(map(find, tokens, repeat(self._unknown)), dtype=np.int64, count=len(tokens))
        # A title's number times the number of rows, plus the row: sorting such keys puts everything in order.
        ends = words == self._boundary
        base = (np.cumsum(ends) - ends) * size
        known = words < self._boundary
        keys = [base[known] + words[known]]
        if len(pairs):
            wanted = pair_keys(np.concatenate([[self._boundary], words[:-1]]), words, size)
            found = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
            exists = pairs[found] == wanted
            keys.append(base[exists] + self.entries.pair_rows[found[exists]])
        strange = (words >= self.entries.folded_rows) & ~ends
        strangers = np.flatnonzero(strange)
        if strangers.size:
            keys.append(self._ngram_keys(tokens, strangers, base))
        joined = np.sort(np.concatenate(keys))
        rows = joined % size
        # A word or pair counts once per title; an n-gram once for each word that has it.
        again = np.concatenate([[False], joined[1:] == joined[:-1]]) & (rows < self._first_ngram)
        if again.any():
            joined, rows = joined[~again], rows[~again]
        starts = np.searchsorted(joined, np.arange(len(titles) + 1) * size)
        return rows.astype(np.int32), starts.astype(np.int32)

    def any_known(self, rows: Array, starts: Array) -> Array:
        """Return for each title of ``rows_of_many`` whether anything in it is known, bool, shape (titles,)."""
        filled = np.flatnonzero(np.diff(starts))
        known = np.zeros(len(starts) - 1, dtype=bool)
        known[filled] = rows[starts[filled]] < self._unknown_ngram
        return known

    def _ngram_keys(self, tokens: list[str], strangers: Array, base: Array) -> Array:
        # A title's repeated word counts once.
        words = dict.fromkeys((int(base[position]), tokens[position]) for position in strangers.tolist())
        rows = [self._rows_of_ngrams(word) for _, word in words]
        counts = list(map(len, rows))
        bases = np.repeat([start for start, _ in words], counts)
        return bases + np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=sum(counts))


def _find_ngrams(
    settings: TitleSettings, word_rows: dict[str, int], ngram_rows: dict[str, int], unknown: tuple[int, int], word: str
) -> tuple[int, ...]:
    """Return the rows of a word's n-grams; ``unknown`` are those of an unknown word and an unknown n-gram."""
    unknown_word, unknown_ngram = unknown
    rows = [] if word in word_rows else [unknown_word]
    if ngram_rows:
        ngrams = character_ngrams(word, settings.min_character_ngram, settings.max_character_ngram)
        rows += map(ngram_rows.get, ngrams, repeat(unknown_ngram))
    return tuple(rows)


def pair_keys(left: Array, right: Array, rows: int) -> Array:
    """Return one number for each pair of words, given by their rows; ``rows``, the number of all rows, stands for an end."""
    return left * _stride(rows) + right


def _stride(rows: int) -> int:
    # Beyond the rows there are the ends of a title and the word that is not known.
    return rows + 2
