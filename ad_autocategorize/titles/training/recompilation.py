"""A scorer of which some columns are computed anew, the others being those of an earlier one, bit for bit.

Both have the same vocabulary, so that their tables have the same rows. Nodes and categories are known by their keys: a column
goes along when its category is moved in the tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.titles.features import TitleFeatures
from ad_autocategorize.titles.hierarchy import Tree, node_key
from ad_autocategorize.titles.scorer import BLOCKS, TitleScorer, Weights
from ad_autocategorize.titles.training.cascade import LocalClassifier
from ad_autocategorize.titles.training.compilation import (
    build_bias,
    build_table,
    build_tree,
    count_unclipped_rows,
    join_coefficients,
    part_hot_rows,
)
from ad_autocategorize.titles.training.flat import FlatModel


@dataclass(frozen=True, slots=True)
class Kept:
    """The keys of the nodes and of the categories whose columns stay as they are."""

    nodes: AbstractSet[int]
    categories: AbstractSet[int]


def recompile(
    earlier: TitleScorer,
    features: TitleFeatures,
    classifiers: Sequence[LocalClassifier],
    flat: FlatModel,
    kept: Kept,
) -> TitleScorer:
    """Return a scorer with the kept columns of ``earlier``; all others are computed.

    ``classifiers`` and ``flat`` are those of the whole tree; what they hold for kept nodes and categories is nothing, but that
    the flat model counts the features that the earlier one did.
    """
    weights, vocabulary = earlier.parts
    tree = build_tree(classifiers, flat.categories)
    before, now = _places(earlier.tree, tree, kept)
    folded = vocabulary.entries.folded_rows
    table = build_table(features, join_coefficients(classifiers, flat), flat.counted, folded)
    table = sparse.csr_array(table + _taken(weights, before, now, table.shape[1]))
    table.sort_indices()
    hot, rest = part_hot_rows(table, len(features.words))
    bias, floors = build_bias(classifiers, flat), flat.floors.astype(np.float32)
    bias[now] = weights.bias[before]
    of_categories = before >= earlier.tree.edges
    floors[now[of_categories] - tree.edges] = weights.floors[before[of_categories] - earlier.tree.edges]
    trained = [each for each in classifiers if node_key(each.node) not in kept.nodes]
    # That of an earlier classifier which is gone does no harm: more titles are clipped, where there is nothing to clip.
    unclipped = min(weights.unclipped_rows, count_unclipped_rows(trained, len(features.words)))
    combined = Weights(hot, rest, bias, floors, weights.mixture, unclipped)
    return TitleScorer(earlier.settings, tree, combined, vocabulary)


def outcomes_by_node(tree: Tree) -> dict[int, dict[int, int]]:
    """Return the nodes that have a choice, by their keys: the column of each outcome by its key, in order."""
    found: dict[int, dict[int, int]] = {}
    for column, path in enumerate(tree.categories):
        for level in range(min(len(path) + 1, len(tree.path_edges))):
            edge = int(tree.path_edges[level, column])
            if edge < tree.edges:
                found.setdefault(node_key(path[:level]), {})[node_key(path[: level + 1])] = edge
    return found


def _places(before: Tree, now: Tree, kept: Kept) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where what is kept stood and stands, among the edges and, after them, the categories."""
    then, today = outcomes_by_node(before), outcomes_by_node(now)
    pairs = [(then[node][outcome], today[node][outcome]) for node in kept.nodes for outcome in today[node]]
    column = {path[-1]: before.edges + index for index, path in enumerate(before.categories)}
    pairs += [
        (column[path[-1]], now.edges + index)
        for index, path in enumerate(now.categories)
        if path[-1] in kept.categories
    ]
    places = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return places[:, 0], places[:, 1]


def _taken(weights: Weights, before: NDArray[np.intp], now: NDArray[np.intp], columns: int) -> sparse.csr_array:
    """Return the rows of an earlier table with the kept columns in their new places, and nothing in the others."""
    table = sparse.csr_array(sparse.vstack([sparse.csr_array(weights.hot), weights.table], format="csr"))
    then, today = ((width - BLOCKS) // BLOCKS for width in (table.shape[1], columns))
    target = np.full(table.shape[1], -1, dtype=np.int32)
    for block in range(BLOCKS):
        target[block * then + before] = block * today + now
    column = target[table.indices]
    is_kept = column >= 0
    ends = np.concatenate([[0], np.cumsum(is_kept)])[table.indptr]
    return sparse.csr_array((table.data[is_kept], column[is_kept], ends), shape=(table.shape[0], columns))
