"""The compiled cascade: what a web process loads to suggest categories. NumPy and SciPy only.

Every edge of the tree and every category of the flat model is one column of one sparse table; a title is a set of rows of
it (see ``vocabulary``). A known word's row holds all that the word contributes, its character n-grams included. The rows
are added up, divided by the block lengths (see ``features``), turned into edge probabilities by one softmax a node,
multiplied along the paths, and mixed with the flat model.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
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
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.mixture import Mixture
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.trees import Forest
from ad_autocategorize.titles.vocabulary import Entries, Vocabulary

ARTIFACT_KIND = "titles"
# At most; the unpacked rows of a batch should stay near the processor.
BATCH_SIZE = 1024

# The word block and the character block.
BLOCKS = 2
# Stands in for the length of an empty block, whose sums are zero.
SMALLEST_SQUARED_LENGTH = np.float32(1e-6)
# Far beyond any score, and within what exp() takes as a double.
LARGEST_SCORE = 600.0
# Marks a category that was suggested already or is not allowed.
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
class Tree:
    """The category tree in columns.

    Attributes
    ----------
    categories : paths at which ads are filed, sorted, so that every subtree is one range.
    node_starts : shape (nodes,): first edge of each node; its edges are neighbours.
    path_edges : shape (depth, categories): edges from the root to each category; the number of edges where there is none.
    edges : number of edges.
    """

    categories: tuple[Path, ...]
    node_starts: Array
    path_edges: Array
    edges: int


@dataclass(frozen=True, slots=True)
class Weights:
    """The compiled numbers: float32 but where noted.

    Attributes
    ----------
    hot : shape (hot rows, columns), the rows of the most frequent words and pairs, which hold something in most columns.
    table : CSR, shape (other rows, columns). Columns are, for the word block, then the character block: edge columns,
        categories, and the sum of the features; last, what the row adds to the squared lengths of the two blocks.
    bias : shape (edges + categories,).
    floors : shape (categories,): what the sum of the features is multiplied by, the flat model's share of the mixture.
    mixture : how all this combines.
    """

    hot: Array
    table: sparse.csr_array
    bias: Array
    floors: Array
    mixture: Mixture


class TitleScorer:
    """Scores titles against the whole tree. Immutable and safe to share between threads."""

    def __init__(
        self,
        settings: TitleSettings,
        tree: Tree,
        weights: Weights,
        vocabulary: Vocabulary,
        forest: Forest | None = None,
    ) -> None:
        self.settings = settings
        self.tree = tree
        self.manifest: dict[str, Any] = {}
        self.digest = ""
        self._weights = weights
        self._vocabulary = vocabulary
        self._forest = forest
        # Plain numbers and arrays: looking up one row through the matrix class takes longer than reading it.
        self._row_starts = weights.table.indptr.tolist()
        self._entry_columns, self._entries = weights.table.indices, weights.table.data
        self._hot_rows, self._columns = weights.hot.shape
        # A site allows its active categories, the same set in one request after the other.
        self._refused = lru_cache(2)(self._find_refused)
        sizes = np.diff(np.append(tree.node_starts, tree.edges))
        self._node_of_edge = np.repeat(np.arange(len(sizes)), sizes)
        self._subtrees = _subtree_ranges(tree.categories)

    def suggest(self, title: str, limit: int = 3, allowed: frozenset[int] | None = None) -> list[Suggestion]:
        """Return up to ``limit`` categories of ``title``, the most probable first.

        ``allowed`` restricts the answer to those category ids. Empty where the title has nothing that training saw.
        """
        rows = self._vocabulary.rows(title)
        if not rows:
            return []
        return self._top(self._probabilities(self._sum_rows(rows)), limit, allowed)

    def suggest_many(
        self, titles: Sequence[str], limit: int = 3, allowed: frozenset[int] | None = None
    ) -> list[list[Suggestion]]:
        """Return for each title what ``suggest`` returns, at a fraction of the time a title."""

        def answer(batch: Sequence[str]) -> list[list[Suggestion]]:
            probabilities, known = self._score_batch(batch)
            ranked = zip(probabilities, known.tolist(), strict=True)
            return [self._top(row, limit, allowed) if any_known else [] for row, any_known in ranked]

        return [suggestions for batch in _in_batches(answer, titles) for suggestions in batch]

    def probabilities(self, titles: Sequence[str]) -> NDArray[np.float64]:
        """Return the probability of every category, shape (titles, ``len(tree.categories)``); rows sum to one."""
        parts = _in_batches(lambda batch: self._score_batch(batch)[0], titles)
        return np.vstack(parts) if parts else np.empty((0, len(self.tree.categories)))

    def rank(self, titles: Sequence[str], limit: int = 3) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return positions in ``tree.categories`` and probabilities of the best, each of shape (titles, at most ``limit``).

        For many titles: it keeps no more than a batch of whole distributions in memory.
        """

        def best(batch: Sequence[str]) -> tuple[Array, Array]:
            probabilities, _ = self._score_batch(batch)
            order = np.argsort(-probabilities, axis=1, kind="stable")[:, :limit]
            return order, np.take_along_axis(probabilities, order, axis=1)

        parts = _in_batches(best, titles)
        if not parts:
            width = min(limit, len(self.tree.categories))
            return np.empty((0, width), dtype=np.intp), np.empty((0, width))
        return np.vstack([order for order, _ in parts]), np.vstack([values for _, values in parts])

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
        }
        self.digest = write_artifact(directory, kind=ARTIFACT_KIND, tensors=self._tensors(), manifest=manifest)
        self.manifest = manifest

    @classmethod
    def load(cls, directory: FilePath) -> TitleScorer:
        """Map a model folder. Raises ``ArtifactError`` when it is damaged, foreign or inconsistent."""
        artifact = read_artifact(directory, kind=ARTIFACT_KIND)
        try:
            scorer = _from_artifact(cls, artifact)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise ArtifactError(f"{directory} lacks a part or contradicts itself ({error}); retrain.") from error
        scorer.manifest = artifact.manifest
        scorer.digest = artifact.manifest["sha256"]
        return scorer

    def _sum_rows(self, rows: list[int]) -> Array:
        """Add up rows given in ascending order; shape (columns,)."""
        # One title: SciPy's matrix classes cost more than the sum. The rows are added in their order and in float32, as a
        # batch does, so that a title scores the same alone and in a batch.
        first_cold = bisect_left(rows, self._hot_rows)
        sums: Array = np.add.reduce(self._weights.hot.take(rows[:first_cold], axis=0), axis=0)
        if first_cold < len(rows):
            starts = self._row_starts
            parts = [slice(starts[row], starts[row + 1]) for row in (row - self._hot_rows for row in rows[first_cold:])]
            columns = np.concatenate([self._entry_columns[part] for part in parts])
            entries = np.concatenate([self._entries[part] for part in parts])
            np.add.at(sums, columns, entries)
        return sums

    def _score_batch(self, titles: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return probabilities, shape (titles, categories), and which titles have anything known in them."""
        rows, starts = self._vocabulary.rows_of_many(titles)
        # Titles share most of their words: each of their rows is unpacked once, then added up as it is.
        used, position = np.unique(rows, return_inverse=True)
        hot, cold = used[used < self._hot_rows], used[used >= self._hot_rows] - self._hot_rows
        unpacked = np.vstack([self._weights.hot[hot], self._weights.table[cold].toarray()])
        chosen = sparse.csr_array(
            (np.ones(len(rows), dtype=np.float32), position.astype(np.int32), starts), shape=(len(titles), len(used))
        )
        return self._probabilities(chosen @ unpacked), np.diff(starts) > 0

    def _probabilities(self, sums: Array) -> NDArray[np.float64]:
        """Turn summed rows, shape (titles, columns) or (columns,), into category probabilities, the last axis categories."""
        weights, categories = self._weights, len(self.tree.categories)
        # Methods of the ufuncs rather than of the arrays: for one title the detour costs as much as the work.
        largest, total = np.maximum.reduce, np.add.reduce
        lengths = np.maximum(sums[..., -BLOCKS:], SMALLEST_SQUARED_LENGTH)
        np.sqrt(lengths, out=lengths)
        width = (sums.shape[-1] - BLOCKS) // BLOCKS
        scores = sums[..., :width] / lengths[..., :1]
        scores += sums[..., width:-BLOCKS] / lengths[..., 1:]
        feature_sum, scores = scores[..., -1:], scores[..., :-1]
        if self._forest is not None:
            scores = np.hstack([self._forest.scores(scores[..., :-categories]), scores[..., -categories:]])
        scores = scores + weights.bias
        mixed = self._path_log_probabilities(scores[..., :-categories])
        mixed *= weights.mixture.sharpness
        mixed += scores[..., -categories:]
        mixed += feature_sum * weights.floors
        mixed -= largest(mixed, axis=-1, keepdims=True)
        flat = np.exp(mixed * weights.mixture.flatness)
        flat *= weights.mixture.flat_share / total(flat, axis=-1, keepdims=True)
        sharp = np.exp(mixed, out=mixed)
        sharp *= (1 - weights.mixture.flat_share) / total(sharp, axis=-1, keepdims=True)
        sharp += flat
        return sharp

    def _path_log_probabilities(self, scores: Array) -> NDArray[np.float64]:
        """Turn edge scores into log-probabilities of whole paths: a log-softmax within each node, summed along the path."""
        edges, path_edges = self.tree.edges, self.tree.path_edges
        # The last column stays zero, for paths shorter than the longest.
        padded = np.zeros((*scores.shape[:-1], edges + 1))
        if edges:
            logs = np.minimum(scores, LARGEST_SCORE, out=padded[..., :edges])
            np.maximum(logs, -LARGEST_SCORE, out=logs)
            sums = np.add.reduceat(np.exp(logs), self.tree.node_starts, axis=-1)
            logs -= np.log(sums, out=sums).take(self._node_of_edge, axis=-1)
        # ``take`` keeps rows contiguous, whatever their number: a sum over a row then always adds in the same order.
        return np.asarray(np.add.reduce(padded.take(path_edges, axis=-1), axis=-2))

    def _top(self, probabilities: Array, limit: int, allowed: frozenset[int] | None) -> list[Suggestion]:
        candidates = probabilities.copy()
        if allowed is not None:
            candidates[self._refused(allowed)] = TAKEN
        cumulative = [0.0, *np.add.accumulate(probabilities).tolist()]
        suggestions = []
        for _ in range(min(limit, len(candidates))):
            best = int(candidates.argmax())
            if candidates.item(best) == TAKEN:
                break
            candidates[best] = TAKEN
            suggestions.append(self._suggestion(best, probabilities.item(best), cumulative))
        return suggestions

    def _find_refused(self, allowed: frozenset[int]) -> list[int]:
        return [index for index, path in enumerate(self.tree.categories) if path[-1] not in allowed]

    def _suggestion(self, index: int, probability: float, cumulative: list[float]) -> Suggestion:
        path = self.tree.categories[index]
        along = []
        lowest = probability
        for start, stop in self._subtrees[index]:
            share = cumulative[stop] - cumulative[start]
            # Differences of a running sum can fall a rounding error short of the part they contain, or exceed the whole.
            # Comparisons, since min() and max() cost as much as all the rest of the loop.
            if share > lowest:
                lowest = share if share < 1.0 else 1.0
            along.append(lowest)
        along.reverse()
        return Suggestion(path[-1], probability, path, tuple(along))

    def _tensors(self) -> dict[str, Array]:
        table, tree, entries = self._weights.table, self.tree, self._vocabulary.entries
        tensors = {
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
        return tensors | (self._forest.tensors() if self._forest is not None else {})


def _in_batches(score: Callable[[Sequence[str]], Result], titles: Sequence[str]) -> list[Result]:
    """Apply ``score`` to parts of ``titles``, side by side where there are several: NumPy lets go of the interpreter."""
    workers = os.cpu_count() or 1
    parts = -(-len(titles) // BATCH_SIZE)
    if parts < 2:
        return [score(titles)] if parts else []
    # As many parts for one worker as for another: none waits for the last.
    size = -(-len(titles) // (-(-parts // workers) * workers))
    batches = [titles[start : start + size] for start in range(0, len(titles), size)]
    with ThreadPoolExecutor(workers) as threads:
        return list(threads.map(score, batches))


def _from_artifact(cls: type[TitleScorer], artifact: Artifact) -> TitleScorer:
    tensors, manifest = artifact.tensors, artifact.manifest
    settings = TitleSettings.from_dict(manifest["settings"])
    words, ngrams = unpack_strings(tensors["words"]), unpack_strings(tensors["ngrams"])
    rows_of = tensors["word_rows"], tensors["pairs"], tensors["pair_rows"]
    entries = Entries(words, *rows_of, ngrams, int(tensors["folded_rows"][0]))
    shape = (len(tensors["table.indptr"]) - 1, tensors["hot"].shape[1])
    table = sparse.csr_array((tensors["table.data"], tensors["table.indices"], tensors["table.indptr"]), shape=shape)
    if shape[0] + len(tensors["hot"]) != entries.rows:
        raise ValueError(f"{shape[0] + len(tensors['hot'])} rows for {entries.rows} words, pairs and n-grams")
    ends = np.cumsum(tensors["category_depths"])[:-1]
    categories = tuple(tuple(part.tolist()) for part in np.split(tensors["categories"], ends))
    weights = Weights(tensors["hot"], table, tensors["bias"], tensors["floors"], Mixture(**manifest["mixture"]))
    tree = Tree(categories, tensors["node_starts"], tensors["path_edges"], int(manifest["edges"]))
    return cls(settings, tree, weights, Vocabulary(settings, entries), Forest.from_tensors(tensors))


def _subtree_ranges(categories: tuple[Path, ...]) -> list[tuple[tuple[int, int], ...]]:
    """Return for each category the ranges of categories at or under each step of its path, from itself to the root."""
    bounds: dict[Path, list[int]] = {}
    for index, path in enumerate(categories):
        for depth in range(1, len(path) + 1):
            bounds.setdefault(path[:depth], [index, index])[1] = index + 1
    ranges = {prefix: (start, stop) for prefix, (start, stop) in bounds.items()}
    return [tuple(ranges[path[:depth]] for depth in range(len(path), 0, -1)) for path in categories]
