"""How sure the figures are: bootstrap confidence intervals, and paired tests of two systems on the same ads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.statistics.intervals import CONFIDENCE, Interval, wilson_interval
from ad_autocategorize.titles.evaluation.metrics import macro_f1

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems on the same ads.

    Attributes
    ----------
    difference : accuracy of the first less that of the second.
    interval : bootstrap interval of the difference.
    only_first, only_second : how many ads only the first, or only the second, got right.
    p_value : of the exact McNemar test: how probable so uneven a split is if both are equally good.
    """

    difference: float
    interval: Interval
    only_first: int
    only_second: int
    p_value: float


def share_interval(right: NDArray[np.bool_], groups: NDArray[np.intp], resamples: int, seed: int) -> Interval:
    """Return the bootstrap interval of a share of right answers, as ``mean_interval`` does.

    If all or none are right, every bootstrap sample is the same and the interval would have no width, though forty right answers
    out of forty are no certainty. Then it is Wilson's interval, with each group as one answer.
    """
    if right.all() or not right.any():
        number = len(np.unique(groups))
        return wilson_interval(number if right.all() else 0, number)
    return mean_interval(right, groups, resamples, seed)


def mean_interval(
    values: FloatArray | NDArray[np.bool_], groups: NDArray[np.intp], resamples: int, seed: int
) -> Interval:
    """Return the bootstrap interval of a mean. Whole groups are drawn: near-identical titles are not independent evidence."""
    from scipy.stats import bootstrap

    members = np.unique(groups, return_inverse=True)[1]
    sizes, sums = np.bincount(members).astype(np.float64), np.bincount(members, weights=values)
    if len(sizes) < 2:
        return Interval(float(np.mean(values)), float(np.mean(values)))
    interval = bootstrap(
        (sums, sizes),
        lambda total, ads, axis: total.sum(axis=axis) / ads.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        batch=50,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(interval.low), float(interval.high))


def macro_f1_interval(
    truth: NDArray[np.intp],
    guess: NDArray[np.intp],
    counted: NDArray[np.bool_],
    *,
    groups: NDArray[np.intp],
    resamples: int,
    seed: int,
) -> Interval:
    """Return the interval of ``metrics.macro_f1`` by the Bayesian bootstrap (Rubin, 1981), with a random weight for each group.

    Drawing groups instead would leave out some categories with a single ad, and so raise the mean.
    """
    members = np.unique(groups, return_inverse=True)[1]
    count = int(members.max()) + 1
    rng = np.random.default_rng(seed)
    draws = (rng.exponential(size=count) for _ in range(resamples))
    values = [macro_f1(truth, guess, counted, drawn[members]) for drawn in draws]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(low), float(high))


def compare(
    first: NDArray[np.bool_], second: NDArray[np.bool_], groups: NDArray[np.intp], resamples: int, seed: int
) -> Comparison:
    """Compare which ads two systems got right."""
    from scipy.stats import binomtest

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    divided = only_first + only_second
    return Comparison(
        float(first.mean() - second.mean()),
        mean_interval(first.astype(np.float64) - second, groups, resamples, seed),
        only_first,
        only_second,
        float(binomtest(only_first, divided).pvalue) if divided else 1.0,
    )
