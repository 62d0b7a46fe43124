"""Confidence intervals of shares, so that a few ads are not read as many; for the training side and the pages of the admin."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95

_FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval, in shares."""

    low: float
    high: float

    @property
    def low_percent(self) -> int:
        """The lower end, rounded."""
        return round(100 * self.low)

    @property
    def high_percent(self) -> int:
        """The upper end, rounded."""
        return round(100 * self.high)

    @property
    def width_percent(self) -> int:
        """How far the rounded ends are apart."""
        return self.high_percent - self.low_percent


def wilson_interval(part: int, whole: int) -> Interval:
    """Return Wilson's score interval (1927), which holds for few things and for shares near 0 and 1; ``whole`` above zero.

    The things must be independent evidence.
    """
    low, high = wilson_bounds(np.array([part]), np.array([whole]))
    return Interval(float(low[0]), float(high[0]))


def wilson_bounds(parts: NDArray[np.intp], wholes: NDArray[np.intp]) -> tuple[_FloatArray, _FloatArray]:
    """Return the lower and upper ends of the intervals of many shares, arrays of one shape."""
    squared = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) ** 2
    share = parts / wholes
    middle = share + squared / (2 * wholes)
    reach = np.sqrt(squared * (share * (1 - share) + squared / (4 * wholes)) / wholes)
    scale = 1 + squared / wholes
    return np.clip((middle - reach) / scale, 0.0, 1.0), np.clip((middle + reach) / scale, 0.0, 1.0)
