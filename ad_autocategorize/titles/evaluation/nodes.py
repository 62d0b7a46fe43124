"""Which nodes of the tree have a classifier, and why the others have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ad_autocategorize.titles.hierarchy import Path, build_nodes
from ad_autocategorize.titles.settings import TitleSettings

Reason = Literal["one_outcome", "few_ads", "no_ads"]


@dataclass(frozen=True, slots=True)
class NodeWithout:
    """An inner node without a classifier, for one of three reasons.

    ``one_outcome``: all its ads go on to the same child, so that there is nothing to choose. ``few_ads``: it has fewer than
    ``min_ads_per_node``, and answers with its children's frequencies. ``no_ads``: no ad is filed below it.
    """

    path: Path
    reason: Reason
    ads: int


@dataclass(frozen=True, slots=True)
class NodeReport:
    """The number of inner nodes with a classifier, the nodes without one, and the number of leaves without an ad."""

    with_classifier: int
    without: list[NodeWithout]
    empty_categories: int


def explain_nodes(paths: Sequence[Path], taxonomy: Sequence[Path], settings: TitleSettings) -> NodeReport:
    """Return which inner nodes have a classifier if the ads at ``paths`` are trained on.

    ``taxonomy`` holds all category paths, for the nodes without ads; it may be empty.
    """
    nodes = build_nodes(paths)
    without = []
    for node in nodes:
        if len(node.outcomes) < 2:
            without.append(NodeWithout(node.path, "one_outcome", len(node.ads)))
        elif len(node.ads) < settings.min_ads_per_node:
            without.append(NodeWithout(node.path, "few_ads", len(node.ads)))
    known = {path[:depth] for path in taxonomy for depth in range(1, len(path) + 1)}
    inner = {path[:-1] for path in known if len(path) > 1}
    passed = {path[:depth] for path in paths for depth in range(len(path) + 1)}
    unused = [NodeWithout(path, "no_ads", 0) for path in sorted(inner - passed)]
    return NodeReport(len(nodes) - len(without), without + unused, len(known - inner - passed))
