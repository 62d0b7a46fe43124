"""Accuracy, and precision, recall, F1 and support of every category at every level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.evaluation.predictions import Predictions
from ad_autocategorize.titles.hierarchy import Path

TOP = (1, 2, 3, 5, 10)


@dataclass(frozen=True, slots=True)
class CategoryScores:
    """One category at its level: all the ads filed at or under it, and all that were put there."""

    path: Path
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Averages:
    """Mean precision, recall and F1 over the categories that test ads are filed at."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class LevelScores:
    """One level of the tree, 1 being the main categories.

    Attributes
    ----------
    support : test ads filed at this level or deeper; what the two accuracies are over.
    accuracy : share whose whole path down to this level is right.
    accuracy_given_parent : share for which the right child would be chosen if the parent were known.
    macro, weighted : averages over categories, each counting as one, or as many as it has ads.
    """

    level: int
    support: int
    accuracy: float
    accuracy_given_parent: float
    macro: Averages
    weighted: Averages
    categories: list[CategoryScores]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of the test ads, as numbers of ads.

    ``wrong_at[i]`` are those whose path leaves the right one at level i + 1.
    """

    right: int
    too_shallow: int
    too_deep: int
    wrong_at: list[int]


def score_levels(predictions: Predictions) -> list[LevelScores]:
    """Return the scores of every level that test ads reach."""
    return [_score_level(predictions, level) for level in range(1, predictions.depth + 1)]


def score_top(predictions: Predictions) -> dict[int, float]:
    """Return the share of ads whose category is among the first k answers, by k."""
    position = {path: index for index, path in enumerate(predictions.categories)}
    truth = np.array([position.get(path, -1) for path in predictions.truth])
    hits = predictions.ranked == truth[:, None]
    return {k: float(hits[:, :k].any(axis=1).mean()) for k in TOP if k <= max(hits.shape[1], 1)}


def share_among_three(predictions: Predictions) -> float:
    """Return the share of ads whose category is among the first three answers, or all where there are fewer."""
    shares = score_top(predictions)
    return shares[max(k for k in shares if k <= 3)]


def count_outcomes(predictions: Predictions) -> Outcomes:
    """Tell right answers from those too shallow, too deep, or in another branch."""
    right = too_shallow = too_deep = 0
    wrong_at = [0] * predictions.depth
    for guess, path in zip(predictions.guesses, predictions.truth, strict=True):
        shared = next((n for n, (a, b) in enumerate(zip(guess, path, strict=False)) if a != b), None)
        if guess == path:
            right += 1
        elif shared is not None:
            wrong_at[shared] += 1
        elif len(guess) < len(path):
            too_shallow += 1
        else:
            too_deep += 1
    return Outcomes(right, too_shallow, too_deep, wrong_at)


def right_to_levels(guesses: Sequence[Path], filed: Sequence[Sequence[Path]]) -> list[float]:
    """Return how often the guess is right down to level 1, 2, ..., each over the ads filed that deep."""
    shares = []
    for level in range(1, max(len(path) for paths in filed for path in paths) + 1):
        # The beginnings of the paths that reach so deep.
        begun = [{path[:level] for path in paths if len(path) >= level} for paths in filed]
        right = [guess[:level] in paths for guess, paths in zip(guesses, begun, strict=True) if paths]
        shares.append(float(np.mean(right)))
    return shares


def encode(*lists: Sequence[Path]) -> tuple[list[Path], list[NDArray[np.intp]]]:
    """Return the distinct paths, sorted, and each list as positions among them."""
    paths = sorted(set().union(*lists))
    position = {path: index for index, path in enumerate(paths)}
    return paths, [np.array([position[path] for path in part], dtype=np.intp) for part in lists]


def macro_f1(
    truth: NDArray[np.intp],
    guess: NDArray[np.intp],
    counted: NDArray[np.bool_] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> float:
    """Return the mean F1 over the labels in ``truth``.

    ``counted`` says which labels take part, by number; ``weights`` how often each ad counts.
    """
    size = int(max(truth.max(), guess.max())) + 1
    ads = np.bincount(truth, weights, minlength=size)
    answers = np.bincount(guess, weights, minlength=size)
    hits = np.bincount(truth, (truth == guess) * (1.0 if weights is None else weights), minlength=size)
    seen = ads > 0 if counted is None else (ads > 0) & counted[:size]
    return float((2 * hits[seen] / (ads[seen] + answers[seen])).mean()) if seen.any() else 0.0


def _score_level(predictions: Predictions, level: int) -> LevelScores:
    from sklearn.metrics import precision_recall_fscore_support

    # Ads filed above this level keep their own path: an answer that goes deeper costs the precision of where it goes.
    truth = [path[:level] for path in predictions.truth]
    paths, (y_true, y_pred) = encode(truth, [guess[:level] for guess in predictions.guesses])
    here = predictions.at_level(level)
    labels = np.unique(y_true[here])
    scores = np.array(precision_recall_fscore_support(y_true, y_pred, labels=labels, zero_division=0), dtype=np.float64)
    given_parent = predictions.given_parent[here, level]
    return LevelScores(
        level,
        int(here.sum()),
        accuracy=float((y_true == y_pred)[here].mean()),
        accuracy_given_parent=float((given_parent == 1).mean()),
        macro=Averages(*(float(value) for value in scores[:3].mean(axis=1))),
        weighted=Averages(*(float(value) for value in np.average(scores[:3], axis=1, weights=scores[3]))),
        categories=[
            CategoryScores(paths[label], float(p), float(r), float(f1), int(support))
            for label, p, r, f1, support in zip(labels, *scores, strict=True)
        ],
    )
