"""From trained classifiers to the one table that ``scorer`` adds rows of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import norm

from ad_autocategorize.titles.features import POSITION_WEIGHT, TitleFeatures, is_position_feature
from ad_autocategorize.titles.hierarchy import Path, Tree
from ad_autocategorize.titles.mixture import Mixture
from ad_autocategorize.titles.scorer import LARGEST_SCORE, TitleScorer, Weights
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.cascade import LocalClassifier
from ad_autocategorize.titles.training.flat import FlatModel
from ad_autocategorize.titles.vocabulary import Entries, Vocabulary, pair_keys

FloatArray = NDArray[np.float64]

# The size of the rows that are kept dense, for speed: enough for the words of most titles.
HOT_ROWS_BYTES = 8 * 2**20
# The rows of so many words and pairs, the most frequent, include the words' n-grams (see ``vocabulary``). Such rows are
# nonzero in most columns: with all words of a large site they would take gigabytes, for words that few titles have.
FOLDED_ROWS = 2**15
# There are fewer such rows if the entries of the n-grams in them, added up, would be more than this (256 MiB).
MAX_FOLDED_ENTRIES = 2**25
# Stands for "however many rows" in ``Weights.unclipped_rows``; an integer, since the manifest is JSON.
MOST_ROWS = 2**31
# Keeps a length of zero from being divided by.
NEXT_TO_NOTHING = 1e-6
# The last rows: that of an unknown n-gram and that of an unknown word.
UNKNOWN_ROWS = 2


def compile_scorer(
    settings: TitleSettings,
    features: TitleFeatures,
    classifiers: Sequence[LocalClassifier],
    flat: FlatModel,
    mixture: Mixture,
) -> TitleScorer:
    """Compile trained models into a scorer, whose table has feature weights and temperatures multiplied in."""
    tree = build_tree(classifiers, flat.categories)
    order = frequent_first(features)
    coefficients = join_coefficients(classifiers, flat)
    folded = _count_folded(features, coefficients, order)
    table = build_table(features, coefficients, flat.counted, folded)
    hot, rest = part_hot_rows(table, len(features.words))
    weights = Weights(
        hot=hot,
        table=rest,
        bias=build_bias(classifiers, flat),
        floors=flat.floors.astype(np.float32),
        mixture=mixture,
        unclipped_rows=count_unclipped_rows(classifiers, len(features.words)),
    )
    return TitleScorer(settings, tree, weights, Vocabulary(settings, _entries(features, order, folded)))


def part_hot_rows(table: sparse.csr_array, words: int) -> tuple[NDArray[np.float32], sparse.csr_array]:
    """Return the hot rows of a table, dense, and the others; ``words`` is the number of features in the word block."""
    hot = min(HOT_ROWS_BYTES // (table.shape[1] * table.dtype.itemsize), words)
    return table[:hot].toarray(), table[hot:]


def build_bias(classifiers: Sequence[LocalClassifier], flat: FlatModel) -> NDArray[np.float32]:
    """Return what is added to the scores of the edges, then of the categories."""
    edges = [classifier.intercepts / classifier.temperature for classifier in classifiers]
    return np.concatenate([*edges, flat.intercepts]).astype(np.float32)


def count_unclipped_rows(classifiers: Sequence[LocalClassifier], words: int) -> int:
    """Return how many rows a title may have so that surely no edge scores more than ``LARGEST_SCORE``.

    The score of a block is at most the length of its features times that of the edge's coefficients (Cauchy-Schwarz). In a title
    the word block has length 1, and the character block at most the root of the number of rows: an n-gram counts once for each
    word that has it. ``words`` is the number of features in the word block.
    """
    fewest = MOST_ROWS
    for classifier in classifiers:
        blocks = classifier.coefficients[:, :words], classifier.coefficients[:, words:]
        of_words, of_characters = (norm(block, axis=1) / classifier.temperature for block in blocks)
        left = LARGEST_SCORE - of_words - np.abs(classifier.intercepts) / classifier.temperature
        rows = (np.maximum(left, 0) / np.maximum(of_characters, NEXT_TO_NOTHING)) ** 2
        fewest = min(fewest, int(rows.min().clip(max=MOST_ROWS)))
    return fewest


def frequent_first(features: TitleFeatures) -> NDArray[np.intp]:
    """Return the feature that each row of the table stands for: words and pairs by falling frequency, then the n-grams."""
    # Without the factor of position features, weights fall with frequency for all.
    rarity = features.words.weights.copy()
    rarity[[is_position_feature(feature) for feature in features.words.index]] /= POSITION_WEIGHT
    ngrams = np.arange(len(features.characters)) + len(features.words)
    return np.concatenate([np.argsort(rarity, kind="stable"), ngrams])


def _count_folded(features: TitleFeatures, coefficients: sparse.csr_array, order: NDArray[np.intp]) -> int:
    """Return how many of the first rows include the n-grams of their words."""
    ngrams = features.spell(_names(features, order[:FOLDED_ROWS]))[0].astype(bool)
    entries = np.cumsum(ngrams @ np.diff(coefficients[len(features.words) :].indptr))
    return int(np.searchsorted(entries, MAX_FOLDED_ENTRIES, side="right"))


def _names(features: TitleFeatures, order: NDArray[np.intp]) -> list[str]:
    """Return the names of features of the word block; others in ``order`` are left out."""
    names = list(features.words.index)
    return [names[feature] for feature in order.tolist() if feature < len(names)]


def _entries(features: TitleFeatures, order: NDArray[np.intp], folded: int) -> Entries:
    """Return the entries of the vocabulary; ``order`` is that of ``frequent_first``."""
    rows = np.empty(len(order), dtype=np.int64)
    rows[order] = np.arange(len(order))
    row_of = {feature: int(rows[column]) for feature, column in features.words.index.items()}
    words = [feature for feature in row_of if " " not in feature]
    pairs = [feature for feature in row_of if " " in feature]
    # A feature such as " first" splits into "" and "first": the empty side is an end of the title.
    size = len(order) + UNKNOWN_ROWS
    row_of_side = row_of | {"": size}
    sides = np.array([[row_of_side[side] for side in pair.split(" ")] for pair in pairs], dtype=np.int64).reshape(-1, 2)
    keys = pair_keys(sides[:, 0], sides[:, 1], size)
    ascending = np.argsort(keys)
    return Entries(
        words=words,
        word_rows=np.array([row_of[word] for word in words], dtype=np.int64),
        pairs=keys[ascending],
        pair_rows=np.array([row_of[pair] for pair in pairs], dtype=np.int64)[ascending],
        ngrams=list(features.characters.index),
        folded_rows=folded,
    )


def build_tree(classifiers: Sequence[LocalClassifier], categories: tuple[Path, ...]) -> Tree:
    """Number the edges node by node, and list the edges along each category's path (see ``hierarchy.Tree``)."""
    edges: dict[tuple[Path, Path], int] = {}
    starts = []
    for classifier in classifiers:
        starts.append(len(edges))
        node = classifier.node
        edges.update({(node, outcome): len(edges) + i for i, outcome in enumerate(classifier.outcomes)})
    depth = max(map(len, categories)) + 1
    path_edges = np.full((depth, len(categories)), len(edges), dtype=np.int64)
    for column, path in enumerate(categories):
        for level in range(len(path) + 1):
            path_edges[level, column] = edges.get((path[:level], path[: level + 1]), len(edges))
    # Usually the last level has no edge and is cut off: only an ad that stops at a category with children could have one there.
    path_edges = path_edges[: max(np.flatnonzero((path_edges < len(edges)).any(axis=1)), default=0) + 1]
    return Tree(categories, np.array(starts, dtype=np.int64), path_edges, len(edges))


def _edge_columns(classifiers: Sequence[LocalClassifier], features: int) -> sparse.csr_array:
    """Return the coefficients of all edges, shape (features, edges), divided by their node's temperature."""
    if not classifiers:
        return sparse.csr_array((features, 0))
    return sparse.csr_array(sparse.vstack([c.coefficients / c.temperature for c in classifiers], format="csr").T)


def join_coefficients(classifiers: Sequence[LocalClassifier], flat: FlatModel) -> sparse.csr_array:
    """Return the coefficients of all edges, then of the flat model's categories: float32 CSR, shape (features, columns)."""
    columns = [_edge_columns(classifiers, flat.coefficients.shape[1]), flat.coefficients.T]
    return sparse.csr_array(sparse.hstack(columns, format="csr", dtype=np.float32))


def build_table(
    features: TitleFeatures, coefficients: sparse.csr_array, counted: FloatArray, folded: int
) -> sparse.csr_array:
    """Return the scorer's table, CSR (see ``scorer.Weights``), its rows in the order of ``frequent_first``.

    Parameters
    ----------
    coefficients : as ``join_coefficients`` returns them.
    counted : shape (features,): ``FlatModel.counted``.
    folded : how many of the first rows include the n-grams of their words.
    """
    # One block after the other, so that the parts of one are freed before the next is made.
    of_words = _rows_of_words(features, coefficients, counted, folded)
    table = sparse.vstack([of_words, _rows_of_ngrams(features, coefficients, counted)], format="csr")
    table = sparse.csr_array(table)
    table.sort_indices()
    return table


def _rows_of_words(
    features: TitleFeatures, coefficients: sparse.csr_array, counted: FloatArray, folded: int
) -> sparse.csr_array:
    """Return the rows of the word block. Its parts are, column by column, those of ``scorer.Weights``."""
    words = features.words
    order = frequent_first(features)[: len(words)]
    # Empty for pairs and position features, which have no n-grams.
    ngrams_of_word, squares = features.spell(_names(features, order[:folded]))
    ngrams_of_word.resize((len(words), len(features.characters)))
    spelling = np.zeros(len(words))
    spelling[:folded] = squares
    parts = [
        sparse.diags_array(words.weights[order].astype(np.float32)) @ coefficients[order],
        _column(words.weights[order] * counted[order]),
        ngrams_of_word.astype(np.float32) @ coefficients[len(words) :],
        _column(ngrams_of_word @ counted[len(words) :]),
        np.column_stack([words.weights[order] ** 2, spelling]),
    ]
    return sparse.hstack(parts, format="csr", dtype=np.float32)


def _rows_of_ngrams(features: TitleFeatures, coefficients: sparse.csr_array, counted: FloatArray) -> sparse.csr_array:
    """Return the rows of the n-grams, then those of an unknown n-gram and an unknown word."""
    weights, first = features.characters.weights, len(features.words)
    nothing = sparse.csr_array((len(weights), coefficients.shape[1] + 1))
    ngram_part = sparse.diags_array(weights.astype(np.float32)) @ coefficients[first:]
    squares = np.column_stack([np.zeros(len(weights)), weights**2])
    parts = [nothing, ngram_part, _column(weights * counted[first:]), squares]
    unknown = np.diag([features.unknown_ngram**2, features.unknown_word**2])[:, ::-1]
    parts_of_unknown = [sparse.csr_array((UNKNOWN_ROWS, 2 * coefficients.shape[1] + 2)), unknown]
    blocks = [sparse.hstack(part, format="csr", dtype=np.float32) for part in (parts, parts_of_unknown)]
    return sparse.vstack(blocks, format="csr")


def _column(values: FloatArray) -> FloatArray:
    return values[:, None]
