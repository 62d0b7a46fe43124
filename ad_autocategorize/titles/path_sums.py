"""From the scores of a tree's edges to the log-probabilities of whole paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Tree

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.intp]

# The incoming edge of a node that no edge leads to.
NO_EDGE = -1


@dataclass(frozen=True, slots=True)
class _Level:
    """The nodes that are reached by the same number of edges; each array has one number for each of them.

    ``incoming`` are the last edges on the way to the nodes, and ``parents`` the nodes that those edges leave.
    """

    nodes: IntArray
    incoming: IntArray
    parents: IntArray


class PathSums:
    """Log-probabilities of paths: the log-softmax of the edges within each node, summed along each path.

    With s(e) the score of an edge and Z(n) the logarithm of the summed exponentials of a node's edges, a path over the edges e1,
    e2, ... of the nodes n1, n2, ... has the log-probability ``s(e1) - Z(n1) + s(e2) - Z(n2) + ...``. All of it but the score of
    the last edge is the same for every path that ends with an edge of the same node. So this part is summed once for each node,
    level by level from the root; with thousands of categories, summing for each of them would take longer than all else.
    """

    def __init__(self, tree: Tree) -> None:
        sizes = np.diff(np.append(tree.node_starts, tree.edges))
        node_of_edge = np.repeat(np.arange(len(sizes)), sizes)
        incoming = np.full(len(sizes), NO_EDGE, dtype=np.intp)
        edges_above = np.zeros(len(sizes), dtype=np.intp)
        # Of each category's path, as far as the loop has followed it: its last edge, and how many edges it has.
        last_edges = np.full(len(tree.categories), NO_EDGE, dtype=np.intp)
        passed = np.zeros(len(tree.categories), dtype=np.intp)
        for edges in tree.path_edges:
            # A path may lack an edge at any level: nodes with a single outcome have none.
            has_edge = edges < tree.edges
            nodes = node_of_edge[edges[has_edge]]
            incoming[nodes], edges_above[nodes] = last_edges[has_edge], passed[has_edge]
            last_edges[has_edge] = edges[has_edge]
            passed += has_edge
        by_level = [np.flatnonzero(edges_above == count) for count in range(1, len(tree.path_edges))]
        self._levels = [_Level(nodes, incoming[nodes], node_of_edge[incoming[nodes]]) for nodes in by_level]
        self._node_starts = tree.node_starts
        self._last_edges, self._last_nodes = last_edges, node_of_edge[last_edges]

    def __call__(self, scores: FloatArray) -> FloatArray:
        """Return log-probabilities, shape (..., categories), for the scores of the edges, shape (..., edges).

        A title gets the same numbers alone and in a batch. ``exp`` of a score has to be within a double.
        """
        sums = np.add.reduceat(np.exp(scores, dtype=np.float64), self._node_starts, axis=-1)
        to_node = np.negative(np.log(sums, out=sums), out=sums)
        for level in self._levels:
            along = to_node.take(level.parents, axis=-1)
            along += scores.take(level.incoming, axis=-1)
            to_node[..., level.nodes] += along
        paths = to_node.astype(np.float32).take(self._last_nodes, axis=-1)
        paths += scores.take(self._last_edges, axis=-1)
        return paths
