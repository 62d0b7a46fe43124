"""Log-probabilities of paths against the chain rule, one path and one node after the other."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ad_autocategorize.titles.hierarchy import Tree
from ad_autocategorize.titles.path_sums import PathSums

paths = st.lists(st.integers(0, 2), min_size=1, max_size=4).map(tuple)
trees = st.sets(paths, min_size=2, max_size=15).map(sorted)


def build(categories):
    """Return the tree of these categories; nodes with one outcome are passed without an edge."""
    outcomes = {}
    for path in categories:
        for depth in range(len(path) + 1):
            outcomes.setdefault(path[:depth], set()).add(path[: depth + 1])
    nodes = sorted((node for node in outcomes if len(outcomes[node]) > 1), key=lambda node: (len(node), node))
    numbers, starts = {}, []
    for node in nodes:
        starts.append(len(numbers))
        numbers.update({(node, outcome): len(numbers) + place for place, outcome in enumerate(sorted(outcomes[node]))})
    levels = max(map(len, categories)) + 1
    edges = [
        [
            numbers.get((path[:level], path[: level + 1]), len(numbers)) if level <= len(path) else len(numbers)
            for path in categories
        ]
        for level in range(levels)
    ]
    return Tree(tuple(categories), np.array(starts), np.array(edges), len(numbers))


def along(tree, scores, category):
    """Return the log-probability of a path, step by step."""
    ends = [*tree.node_starts.tolist(), tree.edges]
    total = 0.0
    for edge in tree.path_edges[:, category].tolist():
        if edge < tree.edges:
            node = max(number for number, start in enumerate(ends[:-1]) if start <= edge)
            siblings = scores[ends[node] : ends[node + 1]]
            total += scores[edge] - math.log(sum(math.exp(score) for score in siblings))
    return total


@given(trees, st.integers(0, 2**32 - 1))
def test_a_path_has_the_product_of_its_edges_probabilities(categories, seed):
    tree = build(categories)
    scores = np.random.default_rng(seed).normal(0, 5, (3, tree.edges)).astype(np.float32)
    sums = PathSums(tree)(scores)
    for row, found in zip(scores.tolist(), sums, strict=True):
        assert found == pytest.approx([along(tree, row, place) for place in range(len(categories))], abs=1e-4)
    np.testing.assert_allclose(np.exp(sums.astype(np.float64)).sum(axis=1), 1, atol=1e-4)


@given(trees, st.integers(0, 2**32 - 1))
def test_a_title_has_the_same_sums_alone_and_beside_others(categories, seed):
    tree = build(categories)
    scores = np.random.default_rng(seed).normal(0, 5, (4, tree.edges)).astype(np.float32)
    of_all = PathSums(tree)
    np.testing.assert_array_equal(of_all(scores), np.stack([of_all(row) for row in scores]))


def test_scores_as_large_as_any_that_a_scorer_gives_stay_numbers():
    tree = build([(0,), (1, 0), (1, 1)])
    sums = PathSums(tree)(np.full(tree.edges, 600, dtype=np.float32))
    assert np.exp(sums) == pytest.approx([1 / 2, 1 / 4, 1 / 4], rel=1e-3)
