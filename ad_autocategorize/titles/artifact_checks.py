"""Whether the arrays of a title model fit one another, checked once when they are loaded.

NumPy and SciPy use some of these numbers as indices without checking them: one out of range reads or writes memory of the
process. The arrays of indices are also copied out of the memory-mapped file, which could be changed after the check.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# The arrays that are used as indices.
_INDICES = (
    "word_rows",
    "pairs",
    "pair_rows",
    "folded_rows",
    "table.indptr",
    "table.indices",
    "node_starts",
    "path_edges",
    "categories",
    "category_depths",
)
_MOST_CATEGORIES = 1_000_000


def checked_tensors(tensors: Mapping[str, Array], edges: int) -> dict[str, Array]:
    """Return the tensors with every index array copied and checked. Raises ``ValueError`` and ``KeyError``."""
    own = dict(tensors)
    own.update({name: np.array(tensors[name]) for name in _INDICES})
    for name in _INDICES:
        if own[name].dtype.kind != "i":
            raise ValueError(f"{name} holds no whole numbers")
    depths = own["category_depths"]
    if not 0 < len(depths) <= _MOST_CATEGORIES or (depths < 1).any() or depths.sum() != len(own["categories"]):
        raise ValueError("category_depths do not add up to the categories")
    _check_table(own, edges + len(depths))
    _check_tree(own, edges, len(depths))
    rows = len(own["hot"]) + len(own["table.indptr"]) - 1
    for name in ("word_rows", "pair_rows"):
        _within(own[name], rows, name)
    if len(own["pairs"]) != len(own["pair_rows"]) or (np.diff(own["pairs"]) <= 0).any():
        raise ValueError("pairs are not in order, or have other rows")
    if own["folded_rows"].shape != (1,):
        raise ValueError("folded_rows is not one number")
    return own


def _check_table(own: Mapping[str, Array], scored: int) -> None:
    """Check the table and the bias; ``scored`` is the number of edges and categories together (see ``scorer.Weights``)."""
    starts, indices, data, hot = own["table.indptr"], own["table.indices"], own["table.data"], own["hot"]
    if starts.ndim != 1 or indices.ndim != 1 or data.shape != indices.shape or hot.ndim != 2:
        raise ValueError("the table has other dimensions")
    if not len(starts) or starts[0] != 0 or starts[-1] != len(indices) or (np.diff(starts) < 0).any():
        raise ValueError("table.indptr does not divide the entries")
    _within(indices, hot.shape[1], "table.indices")
    if hot.shape[1] != 2 * (scored + 1) + 2 or own["bias"].shape != (scored,):
        raise ValueError("the columns are not those of the edges and categories")


def _check_tree(own: Mapping[str, Array], edges: int, categories: int) -> None:
    """Check the arrays of ``hierarchy.Tree``, and the floors."""
    starts, path_edges = own["node_starts"], own["path_edges"]
    if edges < 1 or path_edges.ndim != 2 or path_edges.shape[1] != categories or not len(path_edges):
        raise ValueError("path_edges are not those of the categories")
    # The number of edges is allowed too: it stands for no edge.
    _within(path_edges, edges + 1, "path_edges")
    if (path_edges == edges).all(axis=0).any():
        raise ValueError("path_edges lead to some category along no edge")
    _within(starts, edges, "node_starts")
    if (np.diff(starts) <= 0).any() or not len(starts) or starts[0] != 0:
        raise ValueError("node_starts do not divide the edges")
    if own["floors"].shape != (categories,):
        raise ValueError("floors are not those of the categories")


def _within(values: Array, upto: int, name: str) -> None:
    """Raise ``ValueError`` unless all values are from 0 to below ``upto``."""
    if values.size and not 0 <= int(values.min()) <= int(values.max()) < upto:
        raise ValueError(f"{name} leads out of range")
