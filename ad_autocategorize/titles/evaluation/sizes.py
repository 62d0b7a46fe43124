"""How many ads a category needs: accuracy by the number of its training ads, and the categories that have too few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ad_autocategorize.statistics.intervals import Interval, wilson_interval
from ad_autocategorize.titles.evaluation.predictions import Predictions
from ad_autocategorize.titles.hierarchy import Path

# The least number of ads of each group of categories.
BOUNDS = (1, 2, 3, 5, 10, 20, 50)
# On the sets measured, accuracy is clearly lower in categories with fewer training ads.
FEW_ADS = 10


@dataclass(frozen=True, slots=True)
class SizeScores:
    """The scores of the categories with ``least`` to ``most`` training ads (``None`` for no upper bound).

    Attributes
    ----------
    categories, support : how many categories there are, and test ads in them.
    accuracy, interval : the share of these ads whose whole path is right, and its 95 % interval.
    confidence : the mean probability of their first answers.
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
    """A category with fewer than ``FEW_ADS`` ads. One without ads is never suggested."""

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

    Leaves of ``taxonomy`` without an ad are among them; an inner category needs no ads of its own.
    """
    ads = Counter(paths)
    inner = {path[:depth] for path in (*taxonomy, *ads) for depth in range(len(path))}
    unused = [path for path in taxonomy if path not in ads and path not in inner]
    thin = [ThinCategory(path, 0) for path in unused]
    thin += [ThinCategory(path, count) for path, count in ads.items() if count < FEW_ADS]
    return sorted(thin, key=lambda category: (category.ads, category.path))
