"""Whether a probability can be believed: expected calibration error and reliability diagram."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CALIBRATION_BINS = 15


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The ads whose confidence lies in one tenth or so of the scale: how sure, how often right, how many."""

    confidence: float
    accuracy: float
    ads: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """Calibration at one level; ``level`` 0 stands for the whole path."""

    level: int
    expected_calibration_error: float
    bins: list[ReliabilityBin]


def reliability(level: int, confidence: NDArray[np.floating], correct: NDArray[np.bool_]) -> Reliability:
    """Return the calibration error and the bins of the diagram, empty bins left out."""
    return Reliability(level, expected_calibration_error(confidence, correct), _bins(confidence, correct))


def expected_calibration_error(confidence: NDArray[np.floating], correct: NDArray[np.bool_]) -> float:
    """Return the mean distance between confidence and accuracy over equal-width bins (Naeini et al., 2015)."""
    bins = _bins(confidence, correct)
    return sum(abs(bin.confidence - bin.accuracy) * bin.ads for bin in bins) / max(1, len(confidence))


def _bins(confidence: NDArray[np.floating], correct: NDArray[np.bool_]) -> list[ReliabilityBin]:
    numbers = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    counts = np.bincount(numbers, minlength=CALIBRATION_BINS)
    sums = np.bincount(numbers, confidence, minlength=CALIBRATION_BINS)
    right = np.bincount(numbers, correct, minlength=CALIBRATION_BINS)
    return [
        ReliabilityBin(float(sums[n] / counts[n]), float(right[n] / counts[n]), int(counts[n]))
        for n in np.flatnonzero(counts)
    ]
