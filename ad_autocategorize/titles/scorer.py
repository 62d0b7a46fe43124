"""The compiled cascade: what a web process loads to suggest categories. NumPy and SciPy only.

Each edge of the tree and each category of the flat model is a column of one sparse table, and a title is a set of its rows (see
``vocabulary``). The row of a known word holds all that the word contributes, its character n-grams included. A title is scored
in five steps: its rows are added up; the two blocks of the sum are divided by their lengths (see ``features``); one softmax per
node makes probabilities of the edges' scores; these are multiplied along the paths; and the flat model's scores are added, before
the ``mixture`` makes the final probabilities.
"""

from __future__ import annotations

import math
import os
from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path as FilePath
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.artifacts import (
    Artifact,
    ArtifactError,
    pack_strings,
    read_artifact,
    unpack_strings,
    write_artifact,
)
from ad_autocategorize.titles.artifact_checks import checked_tensors
from ad_autocategorize.titles.hierarchy import Path, Tree, subtree_ranges
from ad_autocategorize.titles.mixture import Mixture
from ad_autocategorize.titles.path_sums import PathSums
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.vocabulary import Entries, Vocabulary

ARTIFACT_KIND = "titles"
# The summed rows of a batch of titles have so many cells, so that they stay in the processor's cache.
BATCH_CELLS = 2**19

# The word block and the character block.
BLOCKS = 2
# Stands in for the length of an empty block, whose sums are zero.
SMALLEST_SQUARED_LENGTH = 2.0**-20
# Beyond any score of a real title, and small enough for exp() in double precision.
LARGEST_SCORE = 600.0
# Replaces the probability of a category that was suggested already or is not allowed.
TAKEN = -1.0

Array = NDArray[Any]
Result = TypeVar("Result")


class Suggestion(NamedTuple):
    """A category offered for a title.

    ``probability`` is that of the ad being filed exactly at ``category``; ``path_probabilities[i]`` that of its being
    filed at or under ``path[i]``, so they never increase.
    """

    category: int
    probability: float
    path: Path
    path_probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """The compiled numbers; all arrays are float32.

    The columns of the table are, first for the word block and then for the character block: the edges, the categories, and one
    for the sum of the features that naive Bayes counts. The last two columns are what a row adds to the squared lengths of the
    two blocks.

    Attributes
    ----------
    hot : dense, shape (hot rows, columns): the table's first rows, those of the most frequent words and pairs, since they are
        nonzero in most columns.
    table : CSR, shape (other rows, columns): the other rows.
    bias : shape (edges + categories,).
    floors : shape (categories,): added to a category's score for each unit of the sum of the features (see ``training.flat``).
    mixture : how scores become probabilities.
    unclipped_rows : a title of at most so many rows cannot score more than ``LARGEST_SCORE``; the scores of longer ones are
        clipped there.
    """

    hot: Array
    table: sparse.csr_array
    bias: Array
    floors: Array
    mixture: Mixture
    unclipped_rows: int


class TitleScorer:
    """Scores titles against the whole tree. Immutable and safe to share between threads."""

    def __init__(self, settings: TitleSettings, tree: Tree, weights: Weights, vocabulary: Vocabulary) -> None:
        self.settings = settings
        self.tree = tree
        self.manifest: dict[str, Any] = {}
        self.digest = ""
        self._weights = weights
        self._vocabulary = vocabulary
        # A list and plain arrays: for a single row, going through SciPy's matrix class takes longer than reading the row. Rows
        # are numbered from the first hot one, which the table does not hold.
        self._row_starts = [0] * len(weights.hot) + weights.table.indptr.tolist()
        self._entry_columns, self._entries = weights.table.indices, weights.table.data
        self._hot_rows, self._columns = weights.hot.shape
        self._batch_size = max(BATCH_CELLS // self._columns, 1)
        # Cached, since a site allows the same set, its active categories, in one request after the other. A function is cached
        # and not a method: a model that refers to itself would stay in memory for a while after it was swapped for another.
        self._refused = lru_cache(2)(partial(_find_refused, tree.categories))
        self._path_sums = PathSums(tree)
        self._subtrees = subtree_ranges(tree.categories)

    def suggest(self, title: str, limit: int = 3, allowed: frozenset[int] | None = None) -> list[Suggestion]:
        """Return up to ``limit`` categories of ``title``, the most probable first.

        ``allowed`` restricts the answer to those category ids. Empty if training saw nothing of what is in the title.
        """
        rows = self._vocabulary.rows(title)
        if not rows:
            return []
        clip = len(rows) > self._weights.unclipped_rows
        return self.top(self._probabilities(self._sum_rows(rows), clip), limit, allowed)

    @property
    def parts(self) -> tuple[Weights, Vocabulary]:
        """The table and the vocabulary that finds its rows, for ``training.recompilation``, which takes columns over."""
        return self._weights, self._vocabulary

    @cached_property
    def priors(self) -> NDArray[np.float32]:
        """The probabilities of the categories for a title of which nothing is known, shape (categories,).

        A suggestion that is hardly more probable than its prior says nothing about its title, as for "asdf qwer".
        """
        return self._probabilities(np.zeros(self._columns, dtype=np.float32), clip=True)

    def suggest_many(
        self, titles: Sequence[str], limit: int = 3, allowed: frozenset[int] | None = None
    ) -> list[list[Suggestion]]:
        """Return for each title what ``suggest`` returns, in a fraction of the time per title."""

        def suggest_batch(batch: Sequence[str]) -> list[list[Suggestion]]:
            probabilities, known = self._score_batch(batch)
            ranked = zip(probabilities, known.tolist(), strict=True)
            return [self.top(row, limit, allowed) if any_known else [] for row, any_known in ranked]

        return [suggestions for batch in _in_batches(suggest_batch, titles, self._batch_size) for suggestions in batch]

    def probabilities(self, titles: Sequence[str]) -> NDArray[np.float64]:
        """Return the probability of every category, shape (titles, ``len(tree.categories)``); rows sum to one."""
        # In double precision: single is enough for the sums here, but not for what callers calculate from them.
        parts = _in_batches(lambda batch: self._score_batch(batch)[0].astype(np.float64), titles, self._batch_size)
        return np.vstack(parts) if parts else np.empty((0, len(self.tree.categories)))

    def rank(self, titles: Sequence[str], limit: int = 3) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return positions in ``tree.categories`` and probabilities of the best, each of shape (titles, at most ``limit``).

        Meant for many titles: never are more distributions in memory than those of the batches at work.
        """
        most = min(max(limit, 0), len(self.tree.categories))

        def rank_batch(batch: Sequence[str]) -> tuple[Array, Array]:
            probabilities, _ = self._score_batch(batch)
            titles = np.arange(len(batch))
            order, values = np.empty((len(batch), most), dtype=np.intp), np.empty((len(batch), most))
            # One maximum after the other: sorting thousands of categories would take longer than scoring them.
            for place in range(most):
                order[:, place] = best = probabilities.argmax(axis=1)
                values[:, place] = probabilities[titles, best]
                probabilities[titles, best] = TAKEN
            return order, values

        parts = _in_batches(rank_batch, titles, self._batch_size)
        if not parts:
            return np.empty((0, most), dtype=np.intp), np.empty((0, most))
        return np.vstack([order for order, _ in parts]), np.vstack([values for _, values in parts])

    @property
    def words(self) -> frozenset[str]:
        """The words that the model has learned."""
        return frozenset(self._vocabulary.entries.words)

    def save(self, directory: FilePath, *, metadata: dict[str, Any]) -> None:
        """Write the scorer as a model folder (see ``artifacts``), ``metadata`` going into its manifest."""
        manifest = {
            **metadata,
            "settings": self.settings.to_dict(),
            "categories": len(self.tree.categories),
            "edges": self.tree.edges,
            "words": len(self._vocabulary.entries.words),
            "word_pairs": len(self._vocabulary.entries.pairs),
            "character_ngrams": len(self._vocabulary.entries.ngrams),
            "mixture": asdict(self._weights.mixture),
            "unclipped_rows": self._weights.unclipped_rows,
        }
        self.digest = write_artifact(directory, kind=ARTIFACT_KIND, tensors=self._tensors(), manifest=manifest)
        self.manifest = manifest

    @classmethod
    def load(cls, directory: FilePath, digest: str = "", *, mapped: bool = True) -> TitleScorer:
        """Load a model folder: memory-mapped, or with ``mapped=False`` read into memory.

        ``digest`` is the digest that the folder must have, if the caller knows it. Raises ``ArtifactError`` if the folder is
        damaged, of another kind, exchanged or inconsistent.
        """
        artifact = read_artifact(directory, kind=ARTIFACT_KIND, digest=digest, mapped=mapped)
        try:
            scorer = _from_artifact(cls, artifact)
        except Exception as error:  # Numbers made to harm may raise anything; none of them is a model.
            raise ArtifactError(f"{directory} lacks a part or contradicts itself ({error}); retrain.") from error
        scorer.manifest = artifact.manifest
        scorer.digest = artifact.digest
        return scorer

    def _sum_rows(self, rows: list[int]) -> Array:
        """Add up rows given in ascending order; shape (columns,)."""
        # Without SciPy's matrix classes, which cost more than the sum of one title. Rows are added in ascending order and in
        # float32, the hot ones apart from the others, exactly as a batch does it: a title scores the same alone and in a
        # batch.
        first_cold = bisect_left(rows, self._hot_rows)
        sums: Array = np.add.reduce(self._weights.hot.take(rows[:first_cold], axis=0), axis=0)
        if first_cold < len(rows):
            starts = self._row_starts
            parts = [slice(starts[row], starts[row + 1]) for row in rows[first_cold:]]
            columns = np.concatenate([self._entry_columns[part] for part in parts])
            cold = np.zeros(self._columns, dtype=np.float32)
            np.add.at(cold, columns, np.concatenate([self._entries[part] for part in parts]))
            sums += cold
        return sums

    def _score_batch(self, titles: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return probabilities, shape (titles, categories), and whether anything in each title is known, shape (titles,)."""
        rows, starts = self._vocabulary.rows_of_many(titles)
        is_hot = rows < self._hot_rows
        hot_starts = np.concatenate([[0], np.cumsum(is_hot)])[starts].astype(np.int32)
        ones = np.ones(hot_starts[-1], dtype=np.float32)
        hot = sparse.csr_array((ones, rows[is_hot], hot_starts), shape=(len(titles), self._hot_rows))
        picked = self._weights.table[rows[~is_hot] - self._hot_rows]
        # The rows of a title, one after the other, are read as one row that has some columns several times: making it dense adds
        # these up.
        ends = picked.indptr[starts - hot_starts]
        cold = sparse.csr_array((picked.data, picked.indices, ends), shape=(len(titles), self._columns))
        sums = hot @ self._weights.hot
        sums += cold.toarray()
        clip = bool(np.diff(starts).max() > self._weights.unclipped_rows)
        return self._probabilities(sums, clip), self._vocabulary.any_known(rows, starts)

    def _probabilities(self, sums: Array, clip: bool) -> NDArray[np.float32]:
        """Turn summed rows, shape (titles, columns) or (columns,), into category probabilities, the last axis categories.

        ``clip`` says whether a score may be too large for exp().
        """
        categories = len(self.tree.categories)
        # The ufunc's own method: for one title, ``ndarray.max`` takes twice as long.
        largest = np.maximum.reduce
        width = (self._columns - BLOCKS) // BLOCKS
        word_length, character_length = _lengths(sums[..., -BLOCKS:])
        scores = sums[..., :width] / word_length
        scores += sums[..., width:-BLOCKS] / character_length
        feature_sum, scores = scores[..., -1:], scores[..., :-1]
        scores += self._weights.bias
        edge_scores = scores[..., :-categories]
        if clip:
            edge_scores = np.clip(edge_scores, -LARGEST_SCORE, LARGEST_SCORE)
        mixed = self._path_sums(edge_scores)
        mixed += scores[..., -categories:]
        mixed += feature_sum * self._weights.floors
        mixed -= largest(mixed, axis=-1, keepdims=True)
        mixture = self._weights.mixture
        sharp = _softmax(mixed, mixture.temperature, 1 - mixture.flat_share)
        sharp += _softmax(mixed, mixture.flat_temperature, mixture.flat_share)
        return sharp

    def top(self, probabilities: Array, limit: int, allowed: frozenset[int] | None = None) -> list[Suggestion]:
        """Return the best of given probabilities, shape (categories,), as ``suggest`` does."""
        candidates = probabilities.copy()
        if allowed is not None:
            candidates[self._refused(allowed)] = TAKEN
        # cumulative[i] is the sum up to and including category i. The extra zero at the end is cumulative[-1], which is what
        # comes before the first category.
        cumulative = np.zeros(len(probabilities) + 1)
        np.add.accumulate(probabilities, out=cumulative[:-1])
        suggestions = []
        for _ in range(min(limit, len(candidates))):
            best = int(candidates.argmax())
            if candidates.item(best) == TAKEN:
                break
            candidates[best] = TAKEN
            suggestions.append(self._suggestion(best, probabilities.item(best), cumulative))
        return suggestions

    def _suggestion(self, index: int, probability: float, cumulative: Array) -> Suggestion:
        path = self.tree.categories[index]
        along = []
        lowest, upto = probability, cumulative.item
        for start, stop in self._subtrees[index]:
            share = upto(stop - 1) - upto(start - 1)
            # By a rounding error a subtree may seem less probable than one within it, or more than certain. Written as
            # comparisons, since min() and max() would take as long as the rest of the loop.
            if share > lowest:
                lowest = share if share < 1.0 else 1.0
            along.append(lowest)
        along.reverse()
        return Suggestion(path[-1], probability, path, tuple(along))

    def _tensors(self) -> dict[str, Array]:
        table, tree, entries = self._weights.table, self.tree, self._vocabulary.entries
        return {
            "words": pack_strings(list(entries.words)),
            "word_rows": entries.word_rows.astype(np.int32),
            "pairs": entries.pairs.astype(np.int64),
            "pair_rows": entries.pair_rows.astype(np.int32),
            "ngrams": pack_strings(list(entries.ngrams)),
            "folded_rows": np.array([entries.folded_rows], dtype=np.int64),
            "hot": self._weights.hot.astype(np.float32),
            "table.indptr": table.indptr.astype(np.int32),
            "table.indices": table.indices.astype(np.int32),
            "table.data": table.data.astype(np.float32),
            "bias": self._weights.bias.astype(np.float32),
            "floors": self._weights.floors.astype(np.float32),
            "node_starts": tree.node_starts.astype(np.int64),
            "path_edges": tree.path_edges.astype(np.int64),
            "categories": np.array([key for path in tree.categories for key in path], dtype=np.int64),
            "category_depths": np.array([len(path) for path in tree.categories], dtype=np.int64),
        }


def _lengths(squares: Array) -> tuple[Any, Any]:
    """Return the lengths of the two blocks: for one title as numbers, for several as arrays of shape (titles, 1)."""
    if squares.ndim == 1:
        # Equal to the float32 roots below: the root in double precision, rounded to float32, is the nearest one.
        first, second = squares.tolist()
        return math.sqrt(max(first, SMALLEST_SQUARED_LENGTH)), math.sqrt(max(second, SMALLEST_SQUARED_LENGTH))
    lengths = np.sqrt(np.maximum(squares, np.float32(SMALLEST_SQUARED_LENGTH)))
    return lengths[:, :1], lengths[:, 1:]


def _softmax(scores: Array, temperature: float, share: float) -> Array:
    """Return ``share * softmax(scores / temperature)`` along the last axis; scores are at most 0, so that none overflows."""
    probabilities = scores / temperature
    np.exp(probabilities, out=probabilities)
    probabilities *= share / np.add.reduce(probabilities, axis=-1, keepdims=True)
    return probabilities


def _in_batches(score: Callable[[Sequence[str]], Result], titles: Sequence[str], most: int) -> list[Result]:
    """Apply ``score`` to batches of at most ``most`` titles, in threads: NumPy and SciPy release the interpreter's lock."""
    workers = os.cpu_count() or 1
    parts = -(-len(titles) // most)
    if parts < 2:
        return [score(titles)] if parts else []
    # A multiple of the number of workers, so that all have the same number of batches and end together.
    parts = -(-parts // workers) * workers
    size = -(-len(titles) // parts)
    batches = [titles[start : start + size] for start in range(0, len(titles), size)]
    with ThreadPoolExecutor(workers) as threads:
        return list(threads.map(score, batches))


def _from_artifact(cls: type[TitleScorer], artifact: Artifact) -> TitleScorer:
    manifest = artifact.manifest
    tensors = checked_tensors(artifact.tensors, int(manifest["edges"]))
    settings = TitleSettings.from_dict(manifest["settings"])
    entries = Entries(
        words=unpack_strings(tensors["words"]),
        word_rows=tensors["word_rows"],
        pairs=tensors["pairs"],
        pair_rows=tensors["pair_rows"],
        ngrams=unpack_strings(tensors["ngrams"]),
        folded_rows=int(tensors["folded_rows"][0]),
    )
    shape = (len(tensors["table.indptr"]) - 1, tensors["hot"].shape[1])
    table = sparse.csr_array((tensors["table.data"], tensors["table.indices"], tensors["table.indptr"]), shape=shape)
    if shape[0] + len(tensors["hot"]) != entries.rows:
        raise ValueError(f"{shape[0] + len(tensors['hot'])} rows for {entries.rows} words, pairs and n-grams")
    ends = np.cumsum(tensors["category_depths"])[:-1]
    categories = tuple(tuple(part.tolist()) for part in np.split(tensors["categories"], ends))
    weights = Weights(
        hot=tensors["hot"],
        table=table,
        bias=tensors["bias"],
        floors=tensors["floors"],
        mixture=Mixture(**manifest["mixture"]),
        unclipped_rows=int(manifest["unclipped_rows"]),
    )
    tree = Tree(categories, tensors["node_starts"], tensors["path_edges"], int(manifest["edges"]))
    return cls(settings, tree, weights, Vocabulary(settings, entries))


def _find_refused(categories: tuple[Path, ...], allowed: frozenset[int]) -> list[int]:
    """Return the positions of the categories that are not allowed."""
    return [index for index, path in enumerate(categories) if path[-1] not in allowed]
