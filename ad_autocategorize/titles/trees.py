"""Decision trees as local classifiers, in a form that NumPy alone can walk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LEAF = -1
_PREFIX = "forest."


@dataclass(frozen=True, slots=True)
class Forest:
    """The trees of all nodes, laid end to end; a title takes one path down each.

    Attributes
    ----------
    feature, threshold, left, right : shape (splits and leaves,): the tested feature (``LEAF`` at a leaf), the value up to
        which a title goes left, and the positions it goes on to.
    roots : shape (trees,): where each tree starts.
    edges : shape (splits and leaves,): position in ``values`` of a leaf's first score.
    values : all leaves' scores, one for each outcome of their tree.
    first_edge, sizes : shape (trees,): the columns of the result that each tree fills.
    """

    feature: Array
    threshold: Array
    left: Array
    right: Array
    roots: Array
    edges: Array
    values: Array
    first_edge: Array
    sizes: Array
    width: int

    def scores(self, features: Array) -> Array:
        """Return edge scores, shape (titles, ``width``), of features of shape (titles, features); or of one title's."""
        if features.ndim == 1:
            return self.scores(features[None]).ravel()
        scores = np.zeros((len(features), self.width), dtype=np.float32)
        titles = np.arange(len(features))
        for root, first, size in zip(self.roots, self.first_edge, self.sizes, strict=True):
            at = np.full(len(features), root)
            while (splits := self.feature[at] != LEAF).any():
                tested = features[titles, np.where(splits, self.feature[at], 0)]
                below = np.where(tested <= self.threshold[at], self.left[at], self.right[at])
                at = np.where(splits, below, at)
            scores[:, first : first + size] = self.values[self.edges[at][:, None] + np.arange(size)]
        return scores

    def tensors(self) -> dict[str, Array]:
        """Return the arrays under the names that ``from_tensors`` looks for."""
        names = ("feature", "threshold", "left", "right", "roots", "edges", "values", "first_edge", "sizes")
        arrays = {_PREFIX + name: getattr(self, name) for name in names}
        return arrays | {_PREFIX + "width": np.array([self.width], dtype=np.int64)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Array]) -> Forest | None:
        """Return the forest among an artifact's tensors, or ``None`` where there is none."""
        arrays = {name.removeprefix(_PREFIX): array for name, array in tensors.items() if name.startswith(_PREFIX)}
        if not arrays:
            return None
        width = int(arrays.pop("width")[0])
        return cls(**arrays, width=width)


def build_forest(trees: Sequence[tuple[Any, Array, int]], width: int) -> Forest:
    """Lay fitted scikit-learn trees end to end.

    ``trees`` holds (``estimator.tree_``, the scores of its nodes of shape (tree nodes, outcomes), first edge).
    """
    sizes = [tree.node_count for tree, _, _ in trees]
    starts = np.cumsum([0, *sizes])[:-1]
    lengths = [scores.shape[1] for _, scores, _ in trees]
    value_starts = np.cumsum([0, *(size * length for size, length in zip(sizes, lengths, strict=True))])[:-1]

    def children(name: str) -> Array:
        return _join([getattr(tree, name) + start for (tree, _, _), start in zip(trees, starts, strict=True)], np.int64)

    return Forest(
        feature=_join([np.where(tree.children_left == LEAF, LEAF, tree.feature) for tree, _, _ in trees], np.int64),
        threshold=_join([tree.threshold for tree, _, _ in trees], np.float64),
        left=children("children_left"),
        right=children("children_right"),
        roots=starts.astype(np.int64),
        edges=_join(
            [start + np.arange(n) * k for start, n, k in zip(value_starts, sizes, lengths, strict=True)], np.int64
        ),
        values=_join([scores.ravel() for _, scores, _ in trees], np.float32),
        first_edge=np.array([first for _, _, first in trees], dtype=np.int64),
        sizes=np.array(lengths, dtype=np.int64),
        width=width,
    )


def _join(parts: list[Array], dtype: Any) -> Array:
    return np.concatenate([np.empty(0), *parts]).astype(dtype)
