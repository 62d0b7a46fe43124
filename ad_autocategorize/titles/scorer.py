"""The compiled cascade: what a web process loads to suggest categories. NumPy and SciPy only.

Every edge of the tree and every category of the flat model is one column of one sparse table; a title is a set of rows of
it. A known word's row holds all that the word contributes, its character n-grams included; only the n-grams of unknown words
are looked up one by one. The rows are added up, divided by the block lengths (see ``features``), turned into edge
probabilities by one softmax a node, multiplied along the paths, and mixed with the flat model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path as FilePath
from typing import Any

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
from ad_autocategorize.titles.features import character_ngrams
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.mixture import Mixture
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.trees import Forest

ARTIFACT_KIND = "titles"
BATCH_SIZE = 1024

# The word block and the character block.
BLOCKS = 2
# Rows that a process keeps unpacked: the words that sellers use most.
CACHED_ROWS = 4096
# Stands in for the length of an empty block, whose sums are zero.
SMALLEST_SQUARED_LENGTH = np.float32(1e-6)
# Marks a category that was suggested already or is not allowed.
TAKEN = -1.0

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Suggestion:
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
    table : CSR, shape (rows, 2 * width + 2). For the word block, then the character block: edge columns, categories, and the
        sum of the features; last, what the row adds to the squared lengths of the two blocks.
    edge_bias : shape (edge columns,).
    floors, category_bias : shape (categories,): the flat model's share, already weighted.
    mixture : how all this combines.
    """

    table: sparse.csr_array
    edge_bias: Array
    floors: Array
    category_bias: Array
    mixture: Mixture


class TitleScorer:
    """Scores titles against the whole tree. Immutable and safe to share between threads."""

    def __init__(
        self,
        settings: TitleSettings,
        tree: Tree,
        weights: Weights,
        features: Sequence[str],
        ngrams: Sequence[str],
        forest: Forest | None = None,
    ) -> None:
        self.settings = settings
        self.tree = tree
        self.manifest: dict[str, Any] = {}
        self.digest = ""
        self._weights = weights
        self._forest = forest
        self._features = features
        self._ngrams = ngrams
        self._feature_rows = dict(zip(features, range(len(features)), strict=True))
        self._ngram_rows = dict(zip(ngrams, range(len(features), len(features) + len(ngrams)), strict=True))
        self._normalize = Normalizer(settings)
        self._pairs = settings.features != "words"
        # Plain numbers and arrays: looking up one row through the matrix class takes longer than reading it.
        self._row_starts = weights.table.indptr.tolist()
        self._entry_columns, self._entries = weights.table.indices, weights.table.data
        self._columns = weights.table.shape[1]
        # A site allows its active categories, the same set in one request after the other.
        self._refused = lru_cache(2)(self._find_refused)
        self._dense_row = lru_cache(CACHED_ROWS)(self._read_row)
        sizes = np.diff(np.append(tree.node_starts, tree.edges))
        self._node_of_edge = np.repeat(np.arange(len(sizes)), sizes)
        self._subtrees = _subtree_ranges(tree.categories)

    def suggest(self, title: str, limit: int = 3, allowed: frozenset[int] | None = None) -> list[Suggestion]:
        """Return up to ``limit`` categories of ``title``, the most probable first.

        ``allowed`` restricts the answer to those category ids. Empty where the title has nothing that training saw.
        """
        rows = self._rows(title)
        if not rows:
            return []
        return self._top(self._probabilities(self._sum_rows(rows))[0], limit, allowed)

    def suggest_many(
        self, titles: Sequence[str], limit: int = 3, allowed: frozenset[int] | None = None
    ) -> list[list[Suggestion]]:
        """Return for each title what ``suggest`` returns, at a fraction of the time a title."""
        answers: list[list[Suggestion]] = []
        for start in range(0, len(titles), BATCH_SIZE):
            batch = [self._rows(title) for title in titles[start : start + BATCH_SIZE]]
            probabilities = self._probabilities(self._sum_batch(batch))
            answers += [
                self._top(row, limit, allowed) if rows else [] for rows, row in zip(batch, probabilities, strict=True)
            ]
        return answers

    def probabilities(self, titles: Sequence[str]) -> NDArray[np.float64]:
        """Return the probability of every category, shape (titles, ``len(tree.categories)``); rows sum to one."""
        batches = [titles[start : start + BATCH_SIZE] for start in range(0, len(titles), BATCH_SIZE)]
        parts = [self._probabilities(self._sum_batch([self._rows(title) for title in batch])) for batch in batches]
        return np.vstack(parts) if parts else np.empty((0, len(self.tree.categories)))

    def save(self, directory: FilePath, *, metadata: dict[str, Any]) -> None:
        """Write the scorer as a model folder (see ``artifacts``), ``metadata`` going into its manifest."""
        manifest = {
            **metadata,
            "settings": self.settings.to_dict(),
            "categories": len(self.tree.categories),
            "edges": self.tree.edges,
            "words": len(self._features),
            "character_ngrams": len(self._ngrams),
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

    def _rows(self, title: str) -> list[int]:
        """Return the table rows of a title: known words and pairs, else the n-grams of each unknown word."""
        tokens = self._normalize(title)
        if not tokens:
            return []
        rows: list[int] = []
        find = self._feature_rows.get
        for word in dict.fromkeys(tokens):
            row = find(word)
            if row is not None:
                rows.append(row)
            elif self._ngram_rows:
                rows.extend(self._unknown_word_rows(word))
        if self._pairs:
            pairs = dict.fromkeys([f"{left} {right}" for left, right in pairwise(tokens)])
            for feature in (*pairs, " " + tokens[0], tokens[-1] + " "):
                row = find(feature)
                if row is not None:
                    rows.append(row)
        return rows

    def _unknown_word_rows(self, word: str) -> Iterable[int]:
        find = self._ngram_rows.get
        settings = self.settings
        ngrams = character_ngrams(word, settings.min_character_ngram, settings.max_character_ngram)
        return [row for row in map(find, ngrams) if row is not None]

    def _sum_rows(self, rows: list[int]) -> Array:
        # One title: SciPy's matrix classes cost more than the sum. The rows are added in order and in float32, as the
        # sparse product does, so that a title scores the same alone and in a batch.
        sums = np.zeros(self._columns, dtype=np.float32)
        for row in rows:
            np.add(sums, self._dense_row(row), out=sums)
        return sums.reshape(1, -1)

    def _read_row(self, row: int) -> Array:
        start, stop = self._row_starts[row], self._row_starts[row + 1]
        dense = np.zeros(self._columns, dtype=np.float32)
        dense[self._entry_columns[start:stop]] = self._entries[start:stop]
        return dense

    def _sum_batch(self, batch: Sequence[list[int]]) -> Array:
        ends = np.cumsum([0, *map(len, batch)], dtype=np.int32)
        indices = np.fromiter((row for rows in batch for row in rows), dtype=np.int32, count=int(ends[-1]))
        ones = np.ones(len(indices), dtype=np.float32)
        chosen = sparse.csr_array((ones, indices, ends), shape=(len(batch), self._weights.table.shape[0]))
        return np.asarray((chosen @ self._weights.table).toarray())

    def _probabilities(self, sums: Array) -> NDArray[np.float64]:
        """Turn summed rows, shape (titles, columns), into category probabilities, shape (titles, categories)."""
        weights, categories = self._weights, len(self.tree.categories)
        # Methods of the ufuncs rather than of the arrays: for one title the detour costs as much as the work.
        largest, total = np.maximum.reduce, np.add.reduce
        lengths = np.sqrt(np.maximum(sums[:, -BLOCKS:], SMALLEST_SQUARED_LENGTH))
        width = (sums.shape[1] - BLOCKS) // BLOCKS
        scores = sums[:, :width] / lengths[:, :1]
        scores += sums[:, width:-BLOCKS] / lengths[:, 1:]
        edges = self._edge_log_probabilities(scores[:, : -categories - 1])
        # ``take`` keeps rows contiguous, whatever their number: a sum over a row then always adds in the same order.
        mixed = total(edges.take(self.tree.path_edges, axis=1), axis=1, dtype=np.float64)
        mixed *= weights.mixture.sharpness
        mixed += scores[:, -categories - 1 : -1]
        mixed += scores[:, -1:] * weights.floors
        mixed += weights.category_bias
        mixed -= largest(mixed, axis=1, keepdims=True)
        flat = np.exp(mixed * weights.mixture.flatness)
        flat *= weights.mixture.flat_share / total(flat, axis=1, keepdims=True)
        np.exp(mixed, out=mixed)
        mixed *= (1 - weights.mixture.flat_share) / total(mixed, axis=1, keepdims=True)
        mixed += flat
        return np.asarray(mixed, dtype=np.float64)

    def _edge_log_probabilities(self, scores: Array) -> Array:
        """Return the log-softmax within each node, shape (titles, edges + 1); the last column is zero, for short paths."""
        if self._forest is not None:
            scores = self._forest.scores(scores)
        edges, starts, node_of_edge = self.tree.edges, self.tree.node_starts, self._node_of_edge
        padded = np.zeros((len(scores), edges + 1), dtype=np.float32)
        if edges:
            scores = np.add(scores, self._weights.edge_bias, out=padded[:, :edges])
            scores -= np.maximum.reduceat(scores, starts, axis=1).take(node_of_edge, axis=1)
            sums = np.add.reduceat(np.exp(scores), starts, axis=1)
            scores -= np.log(sums).take(node_of_edge, axis=1)
        return padded

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
            # Differences of a running sum can fall a rounding error short of the part they contain.
            lowest = min(max(cumulative[stop] - cumulative[start], lowest), 1.0)
            along.append(lowest)
        along.reverse()
        return Suggestion(path[-1], probability, path, tuple(along))

    def _tensors(self) -> dict[str, Array]:
        table, tree = self._weights.table, self.tree
        tensors = {
            "features": pack_strings(list(self._features)),
            "ngrams": pack_strings(list(self._ngrams)),
            "table.indptr": table.indptr.astype(np.int32),
            "table.indices": table.indices.astype(np.int32),
            "table.data": table.data.astype(np.float32),
            "table.columns": np.array([table.shape[1]], dtype=np.int64),
            "edge_bias": self._weights.edge_bias.astype(np.float32),
            "floors": self._weights.floors.astype(np.float32),
            "category_bias": self._weights.category_bias.astype(np.float32),
            "node_starts": tree.node_starts.astype(np.int64),
            "path_edges": tree.path_edges.astype(np.int64),
            "categories": np.array([key for path in tree.categories for key in path], dtype=np.int64),
            "category_depths": np.array([len(path) for path in tree.categories], dtype=np.int64),
        }
        return tensors | (self._forest.tensors() if self._forest is not None else {})


def _from_artifact(cls: type[TitleScorer], artifact: Artifact) -> TitleScorer:
    tensors, manifest = artifact.tensors, artifact.manifest
    features, ngrams = unpack_strings(tensors["features"]), unpack_strings(tensors["ngrams"])
    shape = (len(tensors["table.indptr"]) - 1, int(tensors["table.columns"][0]))
    table = sparse.csr_array((tensors["table.data"], tensors["table.indices"], tensors["table.indptr"]), shape=shape)
    if shape[0] != len(features) + len(ngrams):
        raise ValueError(f"{shape[0]} rows for {len(features)} features and {len(ngrams)} n-grams")
    ends = np.cumsum(tensors["category_depths"])[:-1]
    categories = tuple(tuple(part.tolist()) for part in np.split(tensors["categories"], ends))
    weights = Weights(
        table,
        tensors["edge_bias"],
        tensors["floors"],
        tensors["category_bias"],
        Mixture(**manifest["mixture"]),
    )
    tree = Tree(categories, tensors["node_starts"], tensors["path_edges"], int(manifest["edges"]))
    settings = TitleSettings.from_dict(manifest["settings"])
    return cls(settings, tree, weights, features, ngrams, Forest.from_tensors(tensors))


def _subtree_ranges(categories: tuple[Path, ...]) -> list[tuple[tuple[int, int], ...]]:
    """Return for each category the ranges of categories at or under each step of its path, from itself to the root."""
    bounds: dict[Path, list[int]] = {}
    for index, path in enumerate(categories):
        for depth in range(1, len(path) + 1):
            bounds.setdefault(path[:depth], [index, index])[1] = index + 1
    ranges = {prefix: (start, stop) for prefix, (start, stop) in bounds.items()}
    return [tuple(ranges[path[:depth]] for depth in range(len(path), 0, -1)) for path in categories]
