"""From trained classifiers to the one table that ``scorer`` adds rows of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.titles.cascade import FlatNaiveBayes, LocalClassifier, tree_scores
from ad_autocategorize.titles.features import TitleFeatures
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.mixture import Mixture
from ad_autocategorize.titles.scorer import TitleScorer, Tree, Weights
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.trees import Forest, build_forest

FloatArray = NDArray[np.float64]


def compile_scorer(
    settings: TitleSettings,
    features: TitleFeatures,
    classifiers: Sequence[LocalClassifier],
    naive_bayes: FlatNaiveBayes,
    mixture: Mixture,
) -> TitleScorer:
    """Fold temperatures, feature weights and the mixture into one table, and words into one row each."""
    tree = build_tree(classifiers, naive_bayes.categories)
    forest = _forest(classifiers, tree.edges)
    edge_columns = _edge_columns(classifiers, features, forest)
    flat_columns = naive_bayes.coefficients.T * mixture.naive_bayes_weight
    coefficients = sparse.csr_array(sparse.hstack([edge_columns, flat_columns], format="csr"))
    temperatures = [classifier.temperature for classifier in classifiers]
    biases = [c.intercepts * t for c, t in zip(classifiers, temperatures, strict=True)]
    weights = Weights(
        table=_table(features, coefficients),
        edge_bias=np.concatenate([np.empty(0), *biases]).astype(np.float32),
        category_bias=(np.log(naive_bayes.frequencies) * mixture.naive_bayes_weight).astype(np.float32),
        floors=(naive_bayes.floors * mixture.naive_bayes_weight).astype(np.float32),
        mixture=mixture,
    )
    return TitleScorer(settings, tree, weights, list(features.words.index), list(features.characters.index), forest)


def build_tree(classifiers: Sequence[LocalClassifier], categories: tuple[Path, ...]) -> Tree:
    """Number the edges, node by node, and list the edges along each category's path."""
    edges: dict[tuple[Path, Path], int] = {}
    starts = []
    for classifier in classifiers:
        starts.append(len(edges))
        node = _node_path(classifier)
        edges.update({(node, outcome): len(edges) + i for i, outcome in enumerate(classifier.outcomes)})
    depth = max(map(len, categories)) + 1
    path_edges = np.full((depth, len(categories)), len(edges), dtype=np.int64)
    for column, path in enumerate(categories):
        for level in range(len(path) + 1):
            path_edges[level, column] = edges.get((path[:level], path[: level + 1]), len(edges))
    return Tree(categories, np.array(starts, dtype=np.int64), path_edges, len(edges))


def _node_path(classifier: LocalClassifier) -> Path:
    # The longest outcome is a child's path; an outcome of "stop here" is the node's own.
    return max(classifier.outcomes, key=len)[:-1]


def _edge_columns(
    classifiers: Sequence[LocalClassifier], features: TitleFeatures, forest: Forest | None
) -> sparse.csr_array:
    """Return coefficients of shape (features, edge columns); with trees, the features themselves are the columns."""
    width = len(features.words) + len(features.characters)
    if forest is not None:
        return sparse.csr_array(sparse.eye_array(width, format="csr"))
    if not classifiers:
        return sparse.csr_array((width, 0))
    return sparse.csr_array(sparse.vstack([c.coefficients * c.temperature for c in classifiers], format="csr").T)


def _forest(classifiers: Sequence[LocalClassifier], edges: int) -> Forest | None:
    trees = []
    first = 0
    for classifier in classifiers:
        if classifier.tree is not None:
            trees.append((classifier.tree.tree_, tree_scores(classifier.tree) * classifier.temperature, first))
        first += len(classifier.outcomes)
    return build_forest(trees, edges) if trees else None


def _table(features: TitleFeatures, coefficients: sparse.csr_array) -> sparse.csr_array:
    """Return the scorer's table: a row for each feature of the word block, then for each n-gram."""
    words, characters = features.words, features.characters
    word_part = sparse.diags_array(words.weights) @ coefficients[: len(words)]
    ngram_part = sparse.diags_array(characters.weights) @ coefficients[len(words) :]
    # Only single words fold in their n-grams; pairs and position marks have none of their own.
    ngrams_of_word = features.word_ngrams([feature if " " not in feature else "" for feature in words.index])
    folded = ngrams_of_word @ coefficients[len(words) :]
    squares_of_words = np.column_stack([words.weights**2, _sum_rows(ngrams_of_word.multiply(ngrams_of_word))])
    squares_of_ngrams = np.column_stack([np.zeros(len(characters)), characters.weights**2])
    rows_of_words = [word_part, _column(words.weights), folded, _column(_sum_rows(ngrams_of_word)), squares_of_words]
    nothing = sparse.csr_array((len(characters), coefficients.shape[1] + 1))
    rows_of_ngrams = [nothing, ngram_part, _column(characters.weights), squares_of_ngrams]
    table = sparse.vstack([sparse.hstack(rows_of_words), sparse.hstack(rows_of_ngrams)], format="csr")
    table = sparse.csr_array(table, dtype=np.float32)
    table.sort_indices()
    return table


def _column(values: FloatArray) -> FloatArray:
    return values[:, None]


def _sum_rows(matrix: sparse.csr_array) -> FloatArray:
    return np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel()
