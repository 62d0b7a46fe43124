"""How many ads a category needs: accuracy by the number of ads that training saw in it, and the categories that have too few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ad_autocategorize.statistics.intervals import Interval, wilson_interval
from ad_autocategorize.titles.evaluation.predictions import Predictions
from ad_autocategorize.titles.hierarchy import Path

# Where each group of sizes begins.
BOUNDS = (1, 2, 3, 5, 10, 20, 50)
# On the sets measured, a category learned from fewer ads is found clearly less often than one of many.
FEW_ADS = 10


@dataclass(frozen=True, slots=True)
class SizeScores:
    """The test ads of categories that training saw ``least`` to ``most`` ads of (``None``: or more).

    ``accuracy`` is the share of the ``support`` test ads whose whole path is right, with its interval; ``confidence`` the mean
    probability of their first answers.
    """

    least: int
    most: int | None
    categories: int
    support: int
    accuracy: float
    interval: Interval
    confidence: float


@dataclass(frozen=True, slots=True)
class ThinCategory:
    """A category with fewer ads than ``FEW_ADS``; with none it is never suggested."""

    path: Path
    ads: int


def score_sizes(predictions: Predictions, learned: Sequence[Path]) -> list[SizeScores]:
    """Return the scores by the number of ads in ``learned``; groups without a test ad are left out."""
    known = Counter(learned)
    sizes = np.array([known[path] for path in predictions.truth])
    correct, confidence = predictions.correct, predictions.confidence[:, 0]
    found = []
    for least, following in zip(BOUNDS, (*BOUNDS[1:], None), strict=True):
        inside = (sizes >= least) & (sizes < (following or np.inf))
        support = int(inside.sum())
        if not support:
            continue
        right = int(correct[inside].sum())
        categories = len({path for path, chosen in zip(predictions.truth, inside, strict=True) if chosen})
        most = following - 1 if following else None
        scores = right / support, wilson_interval(right, support), float(confidence[inside].mean())
        found.append(SizeScores(least, most, categories, support, *scores))
    return found


def list_thin(paths: Sequence[Path], taxonomy: Sequence[Path]) -> list[ThinCategory]:
    """Return the categories with fewer than ``FEW_ADS`` ads, those with the fewest first.

    Leaves of ``taxonomy`` without an ad are among them; a category that others lie below needs none of its own.
    """
    ads = Counter(paths)
    inner = {path[:depth] for path in (*taxonomy, *ads) for depth in range(len(path))}
    unused = [path for path in taxonomy if path not in ads and path not in inner]
    thin = [ThinCategory(path, 0) for path in unused]
    thin += [ThinCategory(path, count) for path, count in ads.items() if count < FEW_ADS]
    return sorted(thin, key=lambda category: (category.ads, category.path))
