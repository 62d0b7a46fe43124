"""From which confidence on answers may be taken without a person looking: the one rule, for titles and photos."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.statistics.intervals import wilson_bounds


def choose_threshold(target: float, confidence: NDArray[np.floating], correct: NDArray[np.bool_]) -> float | None:
    """Return the lowest confidence above which surely at least ``target`` of the ads are right; ``None`` where there is none.

    The lower end of Wilson's interval has to reach the target. The lowest of many thresholds that reach it by their share alone
    would be one that was lucky, and other ads would fall short of what was wanted.

    Parameters
    ----------
    target : a share between 0 and 1.
    confidence, correct : of each ad's answer, both of shape (ads,).
    """
    if not len(confidence):
        return None
    ads, right, least = surest_first(confidence, correct)
    reached = np.flatnonzero(wilson_bounds(right, ads)[0] >= target)
    return float(least[reached[-1]]) if len(reached) else None


def surest_first(
    confidence: NDArray[np.floating], correct: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.floating]]:
    """Return how many the surest ads are, how many of them right, and their least confidence, by distinct confidence."""
    order = np.argsort(-confidence, kind="stable")
    sure, right = confidence[order], np.cumsum(correct[order])
    last = np.append(sure[1:] != sure[:-1], True)
    return np.flatnonzero(last) + 1, right[last], sure[last]
