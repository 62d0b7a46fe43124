"""Which titles are filed at the wrong category: confident learning over a tree. Training side: imports cleanlab.

Confident learning (Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", 2021) needs
out-of-fold probabilities. How many labels are wrong is left to cleanlab. The order of the ads is ours, since cleanlab knows no
tree: the odds that a label is wrong under a prior of how sellers miss. Some wrong labels lie right beside the right one, the
others anywhere; and two categories that take each other's ads all the time are ambiguous rather than wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.titles.hierarchy import Path, parting_level

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

# Share of the wrong labels that are taken to be siblings of the right one. Sellers choose siblings far more often; but siblings
# look alike, and most doubts between them are no errors. Chosen with the next number on planted errors; see docs/benchmarks.md.
SIBLING_SHARE = 0.2
# How much of a pair's usual confusion is held against calling it an error: 0 nothing, 1 all of it.
CONFUSION_DISCOUNT = 0.25
# What is added to the log-probability of a category at which all near-identical ads of others are filed, if they are many. Chosen
# on planted errors; more would find fewer errors of the main category.
TWIN_EVIDENCE = 0.5
# From this share on, the ads of each of two categories that look like the other make the pair an ambiguous one.
AMBIGUOUS_SHARE = 0.1
# Out of fold, a category with fewer ads is hardly known: its ads are judged by the nearest category above that has enough.
JUDGED_ADS = 5
# How many times more probable a suggestion must be where most of the category is the seller's own: models that learned from
# none of his ads cannot know how he words them. It spares shops more than half of the doubts, and floods hardly any.
DOMINATED_RATIO = 30.0
# Keeps logarithms finite.
TINY = 1e-6
BATCH = 4096


@dataclass(frozen=True, slots=True)
class LabelQuality:
    """What out-of-fold probabilities say of every ad's label; arrays of shape (ads,).

    Attributes
    ----------
    suggested : position among the categories of the most probable one other than the given that may be suggested.
    given_probability, suggested_probability : of the two. Where the given category has too few ads to be known, its own is that
        of the nearest one above with enough, and none of that branch is suggested.
    main_probability : of the main category that the ad is filed under.
    level : where the two paths part: 1 for different main categories.
    ambiguous : the two are siblings which take each other's ads all the time.
    depth_only : one of the two lies on the path of the other.
    doubted : whether the suggested category is more probable than the given, by far where a seller has most of that.
    score : logarithm of the odds that the label is wrong, up to a constant.
    confusion : shape (categories, categories): of the ads filed at one, the share that looks like each other.
    estimated_errors : how many labels cleanlab estimates to be wrong.
    """

    suggested: IntArray
    given_probability: FloatArray
    suggested_probability: FloatArray
    main_probability: FloatArray
    level: IntArray
    ambiguous: NDArray[np.bool_]
    depth_only: NDArray[np.bool_]
    doubted: NDArray[np.bool_]
    score: FloatArray
    confusion: FloatArray
    estimated_errors: int

    def candidates(self) -> IntArray:
        """Return the ads that are doubted, the surest errors first."""
        doubted = np.flatnonzero(self.doubted)
        return doubted[np.argsort(-self.score[doubted], kind="stable")]


def judge_labels(
    categories: Sequence[Path],
    probabilities: NDArray[np.float32],
    given: IntArray,
    *,
    witnesses: IntArray | None = None,
    dominated: NDArray[np.bool_] | None = None,
    suggestible: NDArray[np.bool_] | None = None,
    twins: sparse.csr_array | None = None,
    sibling_share: float = SIBLING_SHARE,
    confusion_discount: float = CONFUSION_DISCOUNT,
) -> LabelQuality:
    """Judge every label.

    Parameters
    ----------
    categories : sorted paths.
    probabilities : out-of-fold, shape (ads, categories).
    given : shape (ads,): positions in ``categories`` of the labels.
    witnesses : shape (categories,): how many independent ads are filed at each (see ``out_of_fold.FoldScores``); all of them
        for ``None``.
    dominated : shape (ads,): which lie in a category that is mostly their seller's (see there); it takes more to doubt those.
    suggestible : shape (categories,): where an ad may be sent; anywhere for ``None``. What is probable elsewhere says nothing.
    twins : shape (ads, categories): where near-identical ads are filed (see ``near_identical.filed_shares``); it moves an ad in
        the order, its probabilities stay as they are.
    sibling_share, confusion_discount : see ``SIBLING_SHARE`` and ``CONFUSION_DISCOUNT``.
    """
    siblings, confusion = sibling_matrix(categories), confusion_shares(probabilities, given)
    known = np.bincount(given, minlength=len(categories)) if witnesses is None else witnesses
    weighing = _Weighing(
        misses=_miss_prior(siblings, sibling_share) / confusion.T**confusion_discount,
        trusted=_trusted_with(categories, known),
        mains=_main_category_matrix(categories),
        allowed=np.ones(len(categories), dtype=bool) if suggestible is None else suggestible,
    )
    weighed = weighing.weigh_all(probabilities, given, twins)
    pairs = given, weighed.suggested
    level, depth_only = _partings(categories, *pairs)
    # If only one of two categories takes the other's ads, those are errors rather than ambiguous.
    mutual = np.minimum(confusion, confusion.T)
    ratio = 1.0 if dominated is None else np.where(dominated, DOMINATED_RATIO, 1.0)
    return LabelQuality(
        **weighed._asdict(),
        level=level,
        ambiguous=siblings[pairs] & (mutual[pairs] >= AMBIGUOUS_SHARE),
        depth_only=depth_only,
        doubted=weighed.suggested_probability > weighed.given_probability * ratio,
        confusion=confusion,
        estimated_errors=_estimate_errors(probabilities, given),
    )


class _Weighed(NamedTuple):
    """What the probabilities say of the labels of some ads: see the attributes of ``LabelQuality``; shape (ads,)."""

    suggested: IntArray
    suggested_probability: FloatArray
    given_probability: FloatArray
    main_probability: FloatArray
    score: FloatArray


@dataclass(frozen=True, slots=True)
class _Weighing:
    """What the labels of all ads are weighed by.

    Attributes
    ----------
    misses : shape (right, wrong): the prior probability that an ad of one category is filed at the other.
    trusted : shape (given, others): whose probability counts for the given category.
    mains : shape (given, others): which categories have the same main category.
    allowed : shape (categories,): which may be suggested.
    """

    misses: FloatArray
    trusted: NDArray[np.bool_]
    mains: NDArray[np.bool_]
    allowed: NDArray[np.bool_]

    def weigh_all(
        self, probabilities: NDArray[np.float32], given: IntArray, twins: sparse.csr_array | None
    ) -> _Weighed:
        """Weigh the labels of all ads, in batches: in double precision they would not fit into memory at once."""
        parts = [
            self._weigh(probabilities[rows].astype(np.float64), given[rows], None if twins is None else twins[rows])
            for rows in _batches(len(given))
        ]
        return _Weighed(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def _weigh(self, probabilities: FloatArray, labels: IntArray, twins: sparse.csr_array | None) -> _Weighed:
        same = self.trusted[labels]
        elsewhere = probabilities * (~same & self.allowed)
        suggested = elsewhere.argmax(axis=1)
        right = probabilities * same
        return _Weighed(
            suggested,
            elsewhere[np.arange(len(labels)), suggested],
            right.sum(axis=1),
            (probabilities * self.mains[labels]).sum(axis=1),
            _log_odds(elsewhere * self.misses.T[labels], right, None if twins is None else twins.toarray()),
        )


def _log_odds(wrong: FloatArray, right: FloatArray, twins: FloatArray | None) -> FloatArray:
    """Return the logarithm of the odds that a label is wrong; all arrays of shape (ads, categories)."""
    if twins is not None:
        evidence = np.exp(TWIN_EVIDENCE * twins)
        wrong, right = wrong * evidence, right * evidence
    return np.asarray(np.log(wrong.sum(axis=1) + TINY**2) - np.log(right.sum(axis=1) + TINY))


def sibling_matrix(categories: Sequence[Path]) -> NDArray[np.bool_]:
    """Return which categories share a parent, shape (categories, categories); none is its own sibling."""
    parents = {parent: number for number, parent in enumerate(dict.fromkeys(path[:-1] for path in categories))}
    parent = np.array([parents[path[:-1]] for path in categories])
    siblings = np.asarray(parent[:, None] == parent[None, :])
    np.fill_diagonal(siblings, False)
    return siblings


def confusion_shares(probabilities: NDArray[np.float32], given: IntArray) -> FloatArray:
    """Return the mean probabilities of the ads filed at each category, shape (given, predicted).

    One ad's worth of evenly spread probability is added to each, for categories with few ads.
    """
    size = probabilities.shape[1]
    sums = np.full((size, size), 1 / size)
    for rows in _batches(len(given)):
        np.add.at(sums, given[rows], probabilities[rows].astype(np.float64))
    return np.asarray(sums / (np.bincount(given, minlength=size)[:, None] + 1))


def _miss_prior(siblings: NDArray[np.bool_], sibling_share: float) -> FloatArray:
    """Return the probability of each wrong label given the right one, shape (right, wrong)."""
    size = len(siblings)
    anywhere = (1 - sibling_share) / max(size - 1, 1)
    near = siblings / np.maximum(siblings.sum(axis=0, keepdims=True), 1)
    return np.asarray(anywhere + sibling_share * near)


def _main_category_matrix(categories: Sequence[Path]) -> NDArray[np.bool_]:
    main = np.array([path[0] for path in categories])
    return np.asarray(main[:, None] == main[None, :])


def _trusted_with(categories: Sequence[Path], counts: IntArray) -> NDArray[np.bool_]:
    """Return by given category the ones whose probability speaks for it: itself, or a branch around it."""
    below: dict[Path, int] = {}
    for path, count in zip(categories, counts.tolist(), strict=True):
        for depth in range(len(path)):
            below[path[:depth]] = below.get(path[:depth], 0) + count
    trusted = np.eye(len(categories), dtype=bool)
    for index in np.flatnonzero(counts < JUDGED_ADS).tolist():
        path = categories[index]
        # The empty path is the whole tree: a main category of few ads is never doubted.
        depth = next(depth for depth in range(len(path) - 1, -1, -1) if depth == 0 or below[path[:depth]] >= JUDGED_ADS)
        trusted[index] = [other[:depth] == path[:depth] for other in categories]
    return trusted


def _partings(categories: Sequence[Path], first: IntArray, second: IntArray) -> tuple[IntArray, NDArray[np.bool_]]:
    """Return the level at which each two paths part, and whether one is the beginning of the other."""
    known: dict[tuple[int, int], tuple[int, bool]] = {}
    levels, nested = np.empty(len(first), dtype=np.intp), np.empty(len(first), dtype=bool)
    for row, pair in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        if pair not in known:
            left, right = categories[pair[0]], categories[pair[1]]
            level = parting_level(left, right)
            known[pair] = level, level > min(len(left), len(right))
        levels[row], nested[row] = known[pair]
    return levels, nested


def _estimate_errors(probabilities: NDArray[np.float32], given: IntArray) -> int:
    from cleanlab.experimental.label_issues_batched import LabelInspector

    # In batches, since cleanlab's plain functions take several copies of the probabilities in memory.
    inspector = LabelInspector(num_class=probabilities.shape[1], store_results=False, verbose=False)
    for rows in _batches(len(given)):
        inspector.update_confident_thresholds(given[rows], probabilities[rows].astype(np.float64))
    for rows in _batches(len(given)):
        inspector.score_label_quality(given[rows], probabilities[rows].astype(np.float64))
    return int(inspector.get_num_issues(silent=True))


def _batches(ads: int) -> Iterator[slice]:
    return (slice(start, min(start + BATCH, ads)) for start in range(0, ads, BATCH))
