"""From the scores of a tree's edges to the log-probabilities of whole paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Tree

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class _Level:
    """The nodes that so many edges lead to: where each is, its last edge, and the node that this edge leaves."""

    nodes: IntArray
    last_edges: IntArray
    parents: IntArray


class PathSums:
    """A log-softmax within each node, added up along the paths.

    What leads to a node is added up once, for all categories below it: with thousands of categories the addition would take
    longer than all else, category by category and level by level.
    """

    def __init__(self, tree: Tree) -> None:
        sizes = np.diff(np.append(tree.node_starts, tree.edges))
        node_of_edge = np.repeat(np.arange(len(sizes)), sizes)
        self._node_starts = tree.node_starts
        self._last_edges = np.full(len(tree.categories), -1, dtype=np.intp)
        before, depths = np.full(len(sizes), -1, dtype=np.intp), np.zeros(len(sizes), dtype=np.intp)
        passed = np.zeros(len(tree.categories), dtype=np.intp)
        for edges in tree.path_edges:
            # Nodes with a single outcome have no edge, so that a path may lack one anywhere.
            has_edge = edges < tree.edges
            nodes = node_of_edge[edges[has_edge]]
            before[nodes], depths[nodes] = self._last_edges[has_edge], passed[has_edge]
            self._last_edges[has_edge] = edges[has_edge]
            passed += has_edge
        below = [np.flatnonzero(depths == depth) for depth in range(1, len(tree.path_edges))]
        self._levels = [_Level(nodes, before[nodes], node_of_edge[before[nodes]]) for nodes in below]
        self._last_nodes = node_of_edge[self._last_edges]

    def __call__(self, scores: FloatArray) -> FloatArray:
        """Return log-probabilities, shape (..., categories), for the edges' scores, shape (..., edges).

        A title's are the same alone and in a batch. Scores are at most what exp() takes as a double.
        """
        sums = np.add.reduceat(np.exp(scores, dtype=np.float64), self._node_starts, axis=-1)
        to_node = np.negative(np.log(sums, out=sums), out=sums)
        for level in self._levels:
            along = to_node.take(level.parents, axis=-1)
            along += scores.take(level.last_edges, axis=-1)
            to_node[..., level.nodes] += along
        paths = to_node.astype(np.float32).take(self._last_nodes, axis=-1)
        paths += scores.take(self._last_edges, axis=-1)
        return paths
