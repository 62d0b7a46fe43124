"""The category tree as the cascade sees it: nodes, and the outcomes that each node chooses between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

Path = tuple[int, ...]

# Between the names of a path, as people write it: "Home > Furniture > Sofas".
PATH_SEPARATOR = " > "

# The key of the root, which is above the main categories and no category itself.
ROOT = -1


def node_key(path: Path) -> int:
    """Return the key of the node at ``path``: that of its category, which stays the same when the category is moved."""
    return path[-1] if path else ROOT


def parting_level(first: Path, second: Path) -> int:
    """Return the first level at which two paths differ: 1 if their main categories do.

    If one path is the beginning of the other, that is the level below the shorter one.
    """
    shared = takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))
    return 1 + len(list(shared))


@dataclass(frozen=True, slots=True)
class Node:
    """An inner node that training ads pass through.

    Attributes
    ----------
    path : ids from the root to the node; empty for the root above the main categories.
    outcomes : the paths an ad here goes on to: its children's, in order, and the node's own where ads stop at it.
    ads : int array, shape (n,): positions of the training ads at or under the node.
    labels : int array, shape (n,): position in ``outcomes`` of each of those ads.
    """

    path: Path
    outcomes: tuple[Path, ...]
    ads: NDArray[np.intp]
    labels: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Tree:
    """The category tree as arrays.

    An edge leads from a node to one of its outcomes. The edges are numbered node by node. A node with a single outcome has no
    choice to make, and no edge.

    Attributes
    ----------
    categories : paths at which ads are filed, sorted, so that every subtree is one range.
    node_starts : shape (nodes,): the number of each node's first edge.
    path_edges : shape (depth, categories): the edges from the root to each category, level by level. ``edges``, which is the
        number of no edge, stands where a path has none.
    edges : how many edges there are.
    """

    categories: tuple[Path, ...]
    node_starts: NDArray[np.int64]
    path_edges: NDArray[np.int64]
    edges: int


def build_nodes(paths: Sequence[Path]) -> list[Node]:
    """Return the inner nodes of the tree that ``paths`` span, parents first.

    Each path runs from a main category to where the ad is filed, at whatever depth. A category where ads are filed and
    that has children too offers itself as an outcome ("stop here").
    """
    members: dict[Path, list[int]] = defaultdict(list)
    for position, path in enumerate(paths):
        if not path:
            raise ValueError(f"Ad {position} has an empty category path.")
        for depth in range(len(path) + 1):
            members[path[:depth]].append(position)
    inner = {path[:-1] for path in members if path}
    return [_node(path, members[path], paths) for path in sorted(inner, key=lambda path: (len(path), path))]


def _node(path: Path, ads: list[int], paths: Sequence[Path]) -> Node:
    depth = len(path) + 1
    outcome_of = [paths[ad][:depth] for ad in ads]
    outcomes = tuple(sorted(set(outcome_of)))
    position = {outcome: index for index, outcome in enumerate(outcomes)}
    labels = np.fromiter((position[outcome] for outcome in outcome_of), dtype=np.intp, count=len(ads))
    return Node(path, outcomes, np.asarray(ads, dtype=np.intp), labels)


def subtree_ranges(categories: Sequence[Path]) -> list[tuple[tuple[int, int], ...]]:
    """Return, for each category, the subtrees that it lies in: its own first, its main category's last.

    Each subtree is a range (start, stop) of positions in ``categories``, which have to be sorted.
    """
    bounds: dict[Path, list[int]] = {}
    for index, path in enumerate(categories):
        for depth in range(1, len(path) + 1):
            bounds.setdefault(path[:depth], [index, index])[1] = index + 1
    ranges = {prefix: (start, stop) for prefix, (start, stop) in bounds.items()}
    return [tuple(ranges[path[:depth]] for depth in range(len(path), 0, -1)) for path in categories]
