"""Which categories are confused with which."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ad_autocategorize.titles.evaluation.metrics import encode
from ad_autocategorize.titles.evaluation.predictions import Predictions
from ad_autocategorize.titles.hierarchy import Path

LARGEST = 20
SHOWN_PAIRS = 15
SHOWN_TITLES = 3


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """The confusion matrix of one level, with the largest categories.

    Attributes
    ----------
    paths : the categories that have a row and a column.
    others : how many other categories there are. If there are any, the last row and the last column stand for all of them.
    counts : numbers of ads; in the rows where they are filed, in the columns where the answer puts them.
    stopped : by row, the number of ads whose answer is of a higher level, and so is no column.
    """

    level: int
    paths: list[Path]
    others: int
    counts: list[list[int]]
    stopped: list[int]


@dataclass(frozen=True, slots=True)
class Example:
    """A wrongly answered title, and the probability of the answer."""

    title: str
    confidence: float


@dataclass(frozen=True, slots=True)
class ConfusedPair:
    """The ads filed at ``filed`` for which the answer was ``answered``.

    Attributes
    ----------
    ads : how many they are; ``opposite`` is the number of those filed at ``answered`` for which the answer was ``filed``.
    support : the number of all test ads at ``filed``.
    related : whether one category lies within the other.
    examples : those with the most confident answers.
    """

    filed: Path
    answered: Path
    ads: int
    support: int
    opposite: int
    related: bool
    examples: list[Example]


def confusion_matrix(predictions: Predictions, level: int) -> ConfusionMatrix:
    """Return the matrix of one level, over the ads filed at least that deep; the ``LARGEST`` categories have rows."""
    here = np.flatnonzero(predictions.at_level(level))
    guesses = predictions.guesses
    truth = [predictions.truth[ad][:level] for ad in here]
    answers = [guesses[ad][:level] for ad in here]
    paths, (y_true, y_pred) = encode(truth, answers)
    support = np.bincount(y_true, minlength=len(paths))
    by_support = [int(label) for label in np.argsort(-support, kind="stable") if support[label]]
    kept = sorted(by_support[:LARGEST])
    # An answer that stops above the level is among the paths, but is no category of the level.
    is_of_level = np.array([len(path) == level for path in paths])
    others = int(is_of_level.sum()) - len(kept)
    # The row and column of each label: the last one, unless it is kept.
    place = np.full(len(paths), len(kept))
    place[kept] = np.arange(len(kept))
    size = len(kept) + bool(others)
    reached = is_of_level[y_pred]
    cells = place[y_true[reached]] * size + place[y_pred[reached]]
    counts = np.bincount(cells, minlength=size * size).reshape(size, size)
    stopped = np.bincount(place[y_true[~reached]], minlength=size)
    return ConfusionMatrix(level, [paths[label] for label in kept], others, counts.tolist(), stopped.tolist())


def confused_pairs(predictions: Predictions, titles: Sequence[str]) -> list[ConfusedPair]:
    """Return the pairs of whole paths that are confused most often; ``titles`` are those of the predictions, in order."""
    wrong: dict[tuple[Path, Path], list[int]] = defaultdict(list)
    for ad, (guess, path) in enumerate(zip(predictions.guesses, predictions.truth, strict=True)):
        if guess != path:
            wrong[path, guess].append(ad)
    support = Counter(predictions.truth)
    worst = sorted(wrong, key=lambda pair: (-len(wrong[pair]), pair))[:SHOWN_PAIRS]
    return [
        ConfusedPair(
            filed,
            answered,
            ads=len(wrong[filed, answered]),
            support=support[filed],
            opposite=len(wrong.get((answered, filed), ())),
            related=filed[: len(answered)] == answered or answered[: len(filed)] == filed,
            examples=_examples(wrong[filed, answered], predictions, titles),
        )
        for filed, answered in worst
    ]


def _examples(ads: Sequence[int], predictions: Predictions, titles: Sequence[str]) -> list[Example]:
    """Return the ads with the most confident answers, each title once."""
    surest = sorted(ads, key=lambda ad: -predictions.confidence[ad, 0])
    chosen: dict[str, int] = {}
    for ad in surest:
        chosen.setdefault(titles[ad].casefold(), ad)
    return [Example(titles[ad], float(predictions.confidence[ad, 0])) for ad in list(chosen.values())[:SHOWN_TITLES]]
