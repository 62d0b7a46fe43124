"""Compiling a scorer of which some columns are new and the others are copied, bit for bit, from an earlier scorer.

Both scorers have the same vocabulary, so that their tables have the same rows. Columns are found by the keys of nodes and
categories, so that a column stays with its category when that is moved in the tree.
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
    """The keys of the nodes and of the categories whose columns are copied from the earlier scorer."""

    nodes: AbstractSet[int]
    categories: AbstractSet[int]


def recompile(
    earlier: TitleScorer,
    features: TitleFeatures,
    classifiers: Sequence[LocalClassifier],
    flat: FlatModel,
    kept: Kept,
) -> TitleScorer:
    """Return a scorer that has the kept columns of ``earlier``, and computes all others from the trained models.

    ``classifiers`` and ``flat`` are of the whole tree. Their coefficients for kept nodes and categories are all zero, so that the
    kept columns can be added. ``flat.counted`` is that of the earlier flat model.
    """
    weights, vocabulary = earlier.parts
    tree = build_tree(classifiers, flat.categories)
    before, now = _kept_columns(earlier.tree, tree, kept)
    folded = vocabulary.entries.folded_rows
    table = build_table(features, join_coefficients(classifiers, flat), flat.counted, folded)
    table = sparse.csr_array(table + _moved_columns(weights, before, now, table.shape[1]))
    table.sort_indices()
    hot, rest = part_hot_rows(table, len(features.words))
    bias, floors = build_bias(classifiers, flat), flat.floors.astype(np.float32)
    bias[now] = weights.bias[before]
    of_categories = before >= earlier.tree.edges
    floors[now[of_categories] - tree.edges] = weights.floors[before[of_categories] - earlier.tree.edges]
    trained = [each for each in classifiers if node_key(each.node) not in kept.nodes]
    # The earlier number may be that of a classifier that is gone. Then it is too small, which does no harm: some titles have
    # their scores clipped for nothing.
    unclipped = min(weights.unclipped_rows, count_unclipped_rows(trained, len(features.words)))
    combined = Weights(hot, rest, bias, floors, weights.mixture, unclipped)
    return TitleScorer(earlier.settings, tree, combined, vocabulary)


def outcomes_by_node(tree: Tree) -> dict[int, dict[int, int]]:
    """Return, by the key of each node that has edges, the edges to its outcomes by the outcomes' keys, in order."""
    found: dict[int, dict[int, int]] = {}
    for column, path in enumerate(tree.categories):
        for level in range(min(len(path) + 1, len(tree.path_edges))):
            edge = int(tree.path_edges[level, column])
            if edge < tree.edges:
                found.setdefault(node_key(path[:level]), {})[node_key(path[: level + 1])] = edge
    return found


def _kept_columns(before: Tree, now: Tree, kept: Kept) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the columns of what is kept in the earlier scorer and in the new one, both of shape (kept,).

    Within a block the columns of the edges come first, and then those of the categories.
    """
    edges_before, edges_now = outcomes_by_node(before), outcomes_by_node(now)
    pairs = [
        (edges_before[node][outcome], edges_now[node][outcome]) for node in kept.nodes for outcome in edges_now[node]
    ]
    column = {path[-1]: before.edges + index for index, path in enumerate(before.categories)}
    pairs += [
        (column[path[-1]], now.edges + index)
        for index, path in enumerate(now.categories)
        if path[-1] in kept.categories
    ]
    columns = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]


def _moved_columns(weights: Weights, before: NDArray[np.intp], now: NDArray[np.intp], columns: int) -> sparse.csr_array:
    """Return a table with as many ``columns`` as the new one, zero but for the kept columns of the earlier table.

    ``before`` and ``now`` are what ``_kept_columns`` returned.
    """
    table = sparse.csr_array(sparse.vstack([sparse.csr_array(weights.hot), weights.table], format="csr"))
    width_before, width_now = ((width - BLOCKS) // BLOCKS for width in (table.shape[1], columns))
    # Where each column goes to; -1 for those that are not kept.
    target = np.full(table.shape[1], -1, dtype=np.int32)
    for block in range(BLOCKS):
        target[block * width_before + before] = block * width_now + now
    column = target[table.indices]
    is_kept = column >= 0
    # Of 32 bits, as the columns are: SciPy would convert either otherwise, tens of millions of them.
    ends = np.concatenate([np.zeros(1, np.int32), np.cumsum(is_kept, dtype=np.int32)])[table.indptr]
    return sparse.csr_array((table.data[is_kept], column[is_kept], ends), shape=(table.shape[0], columns))
