"""Selective prediction: the share of ads (coverage) that could be filed automatically at a wanted precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.statistics.intervals import wilson_interval
from ad_autocategorize.statistics.thresholds import choose_threshold, surest_first

TARGETS = (0.90, 0.95, 0.99)
CURVE_POINTS = 100
# The curve begins with so many ads: the precision of fewer is mostly chance.
LEAST_ADS = 30


@dataclass(frozen=True, slots=True)
class CoveragePoint:
    """The most confident ads: their share of all ads, their precision, and the least of their confidences as ``threshold``."""

    coverage: float
    precision: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Automation:
    """A threshold chosen on some ads, and its coverage and precision on other ads.

    Attributes
    ----------
    target : the wanted precision.
    threshold : the least confidence of an ad that is filed; ``None`` if no threshold surely reached the target.
    precision, low, high : the precision and its 95 % interval (Wilson); ``None`` if none of the other ads is filed.
    """

    target: float
    threshold: float | None
    coverage: float
    precision: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """Coverage against precision at one level; ``level`` 0 stands for the whole path."""

    level: int
    curve: list[CoveragePoint]
    automation: list[Automation]


def measure_coverage(
    level: int, confidence: NDArray[np.float64], correct: NDArray[np.bool_], groups: NDArray[np.intp], seed: int
) -> Coverage:
    """Return the curve of all ads, and what thresholds chosen on one half of them give on the other.

    ``confidence``, ``correct`` and ``groups`` have the shape (ads,). Ads of a group, near-identical titles, are in one half.
    """
    chosen = np.random.default_rng(seed).integers(0, 2, size=int(groups.max()) + 1)[groups] == 0
    thresholds = {target: choose_threshold(target, confidence[chosen], correct[chosen]) for target in TARGETS}
    automation = [
        _automate(target, threshold, confidence[~chosen], correct[~chosen]) for target, threshold in thresholds.items()
    ]
    return Coverage(level, _curve(confidence, correct), automation)


def apply_thresholds(chosen: Coverage, confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> Coverage:
    """Return the curve of other ads at the same level, and what the thresholds of ``chosen`` give on them."""
    automation = [_automate(item.target, item.threshold, confidence, correct) for item in chosen.automation]
    return Coverage(chosen.level, _curve(confidence, correct), automation)


def _automate(
    target: float, threshold: float | None, confidence: NDArray[np.float64], correct: NDArray[np.bool_]
) -> Automation:
    if threshold is None:
        return Automation(target, None, 0.0, None, None, None)
    sure = confidence >= threshold
    filed, right = int(sure.sum()), int(correct[sure].sum())
    if not filed:
        return Automation(target, threshold, 0.0, None, None, None)
    precision = wilson_interval(right, filed)
    return Automation(target, threshold, filed / len(confidence), right / filed, precision.low, precision.high)


def _curve(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> list[CoveragePoint]:
    ads, right, least = surest_first(confidence, correct)
    shown = np.flatnonzero(ads >= min(LEAST_ADS, len(confidence)))
    places = shown[np.unique(np.linspace(0, len(shown) - 1, min(CURVE_POINTS, len(shown))).round().astype(int))]
    shares = zip(ads[places] / len(confidence), right[places] / ads[places], least[places], strict=True)
    return [CoveragePoint(float(share), float(precision), float(sure)) for share, precision, sure in shares]
