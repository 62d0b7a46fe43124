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
    only_first, only_second : ads that one of them alone got right.
    p_value : exact McNemar test; the chance of a split so uneven if both were equally good.
    """

    difference: float
    interval: Interval
    only_first: int
    only_second: int
    p_value: float


def share_interval(right: NDArray[np.bool_], groups: NDArray[np.intp], resamples: int, seed: int) -> Interval:
    """Return the bootstrap interval of a share of right answers, as ``mean_interval`` does.

    Where all are right, or none is, every draw would be the same: Wilson's interval over the groups then, since forty right
    answers out of forty are no certainty.
    """
    if right.all() or not right.any():
        number = len(np.unique(groups))
        return wilson_interval(number if right.all() else 0, number)
    return mean_interval(right, groups, resamples, seed)


def mean_interval(
    values: FloatArray | NDArray[np.bool_], groups: NDArray[np.intp], resamples: int, seed: int
) -> Interval:
    """Return the bootstrap interval of a mean, drawing whole groups: near-identical titles are no independent evidence."""
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
    """Return the interval of ``metrics.macro_f1`` by the Bayesian bootstrap (Rubin, 1981), weighing whole groups.

    Weights in place of draws: no category with a single ad ever drops out, which would raise the mean.
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
