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
    """The scores of one category at its level, over the ads filed at or under it and those whose answer is."""

    path: Path
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Averages:
    """Mean precision, recall and F1 over the categories at which test ads are filed."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class LevelScores:
    """One level of the tree, 1 being the main categories.

    Attributes
    ----------
    support : how many test ads are filed at this level or deeper; both accuracies are shares of these.
    accuracy : the share whose path is right down to this level.
    accuracy_given_parent : the share for which the right child is the most probable one of its parent's children.
    macro, weighted : averages over categories, each with the same weight, or weighted by its support.
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
    """How many test ads were answered rightly, or wrongly in which way.

    Attributes
    ----------
    too_shallow, too_deep : the answer is a category above the right one, or below it.
    wrong_at : by level, the first of which is 1: the answer's path leaves the right one at this level.
    """

    right: int
    too_shallow: int
    too_deep: int
    wrong_at: list[int]


def score_levels(predictions: Predictions) -> list[LevelScores]:
    """Return the scores of every level that test ads reach."""
    return [_score_level(predictions, level) for level in range(1, predictions.depth + 1)]


def score_top(predictions: Predictions) -> dict[int, float]:
    """Return top-k accuracy by k, for each k of ``TOP`` that there are answers for."""
    position = {path: index for index, path in enumerate(predictions.categories)}
    truth = np.array([position.get(path, -1) for path in predictions.truth])
    hits = predictions.ranked == truth[:, None]
    return {k: float(hits[:, :k].any(axis=1).mean()) for k in TOP if k <= max(hits.shape[1], 1)}


def share_among_three(predictions: Predictions) -> float:
    """Return top-3 accuracy, or that of fewer answers if the scorer knows fewer categories."""
    shares = score_top(predictions)
    return shares[max(k for k in shares if k <= 3)]


def count_outcomes(predictions: Predictions) -> Outcomes:
    """Count right answers, and wrong ones by how they are wrong."""
    right = too_shallow = too_deep = 0
    wrong_at = [0] * predictions.depth
    for guess, path in zip(predictions.guesses, predictions.truth, strict=True):
        differing = next((n for n, (a, b) in enumerate(zip(guess, path, strict=False)) if a != b), None)
        if guess == path:
            right += 1
        elif differing is not None:
            wrong_at[differing] += 1
        elif len(guess) < len(path):
            too_shallow += 1
        else:
            too_deep += 1
    return Outcomes(right, too_shallow, too_deep, wrong_at)


def right_to_levels(guesses: Sequence[Path], filed: Sequence[Sequence[Path]]) -> list[float]:
    """Return the accuracy down to level 1, 2, ..., each over the ads filed that deep; ``filed`` are the paths of each ad."""
    shares = []
    for level in range(1, max(len(path) for paths in filed for path in paths) + 1):
        prefixes = [{path[:level] for path in paths if len(path) >= level} for paths in filed]
        right = [guess[:level] in own for guess, own in zip(guesses, prefixes, strict=True) if own]
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

    Parameters
    ----------
    truth, guess : shape (ads,).
    counted : shape (labels,): which labels take part; all by default.
    weights : shape (ads,): how much each ad counts; ``None`` if all count the same.
    """
    size = int(max(truth.max(), guess.max())) + 1
    ads = np.bincount(truth, weights, minlength=size)
    answers = np.bincount(guess, weights, minlength=size)
    hits = np.bincount(truth, (truth == guess) * (1.0 if weights is None else weights), minlength=size)
    seen = ads > 0 if counted is None else (ads > 0) & counted[:size]
    return float((2 * hits[seen] / (ads[seen] + answers[seen])).mean()) if seen.any() else 0.0


def _score_level(predictions: Predictions, level: int) -> LevelScores:
    from sklearn.metrics import precision_recall_fscore_support

    # Ads filed above this level take part with their own shorter paths: an answer that goes deeper lowers the precision of the
    # category that it names.
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
