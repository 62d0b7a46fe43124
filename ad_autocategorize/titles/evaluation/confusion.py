"""Which categories are taken for which."""

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
    """Rows: where ads are filed; columns: where they were put. The last row and column stand for all other categories.

    ``others`` says how many categories those are; 0 where every one has its own row (and there is no last row). ``stopped``
    counts by row the answers that are no category of this level, since they stopped above it.
    """

    level: int
    paths: list[Path]
    others: int
    counts: list[list[int]]
    stopped: list[int]


@dataclass(frozen=True, slots=True)
class Example:
    """A title that was put elsewhere, and how sure the scorer was."""

    title: str
    confidence: float


@dataclass(frozen=True, slots=True)
class ConfusedPair:
    """Ads filed at ``filed`` that were put at ``answered``, and how many went the other way.

    ``support`` are all test ads at ``filed``; ``related`` says that one category lies within the other.
    """

    filed: Path
    answered: Path
    ads: int
    support: int
    opposite: int
    related: bool
    examples: list[Example]


def confusion_matrix(predictions: Predictions, level: int) -> ConfusionMatrix:
    """Return the matrix of one level, over the ads filed at least that deep, the largest categories apart."""
    here = np.flatnonzero(predictions.at_level(level))
    guesses = predictions.guesses
    truth = [predictions.truth[ad][:level] for ad in here]
    answers = [guesses[ad][:level] for ad in here]
    paths, (y_true, y_pred) = encode(truth, answers)
    support = np.bincount(y_true, minlength=len(paths))
    order = [int(label) for label in np.argsort(-support, kind="stable") if support[label]]
    kept = sorted(order[:LARGEST])
    full = np.array([len(path) == level for path in paths])
    rest = int(full.sum()) - len(kept)
    place = np.full(len(paths), len(kept))
    place[kept] = np.arange(len(kept))
    size = len(kept) + bool(rest)
    reached = full[y_pred]
    cells = place[y_true[reached]] * size + place[y_pred[reached]]
    counts = np.bincount(cells, minlength=size * size).reshape(size, size)
    stopped = np.bincount(place[y_true[~reached]], minlength=size)
    return ConfusionMatrix(level, [paths[label] for label in kept], rest, counts.tolist(), stopped.tolist())


def confused_pairs(predictions: Predictions, titles: Sequence[str]) -> list[ConfusedPair]:
    """Return the pairs of whole paths that are confused most often, with the titles that fooled the scorer most surely."""
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
    surest = sorted(ads, key=lambda ad: -predictions.confidence[ad, 0])
    chosen: dict[str, int] = {}
    for ad in surest:
        chosen.setdefault(titles[ad].casefold(), ad)
    return [Example(titles[ad], float(predictions.confidence[ad, 0])) for ad in list(chosen.values())[:SHOWN_TITLES]]
