"""A scorer's answers for test ads. Only the best ones are kept: the probabilities of all categories would fill the memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.evaluation.filed_twice import nearest_path
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.scorer import TitleScorer

# How many answers are kept for each ad.
KEPT_ANSWERS = 10
# For so many ads at a time the probabilities of all categories are in memory.
BATCH = 4096

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predictions:
    """Answers for n ads.

    Attributes
    ----------
    categories : the paths that the scorer knows, sorted.
    truth : the path that each ad is filed at; of several paths the nearest to the answer.
    ranked : shape (n, up to ten): positions in ``categories``, the most probable first.
    confidence : shape (n, depth + 1): in column k the probability that the ad is filed at or below the first answer's path
    down to
        level k; in column 0 the probability that it is filed exactly at the first answer.
    given_parent : shape (n, depth + 1): in column k, whether the right category at level k is the most probable one below its own
        parent: 1 if it is, 0 if not, -1 if the ad is not filed so deep or the scorer does not know the parent. Column 0 is
        unused.
    """

    categories: tuple[Path, ...]
    truth: tuple[Path, ...]
    ranked: NDArray[np.intp]
    confidence: FloatArray
    given_parent: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def guesses(self) -> list[Path]:
        """The first answer for each ad."""
        return [self.categories[best] for best in self.ranked[:, 0]]

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the first answer is where the ad is filed."""
        return np.array([guess == path for guess, path in zip(self.guesses, self.truth, strict=True)], dtype=np.bool_)

    def correct_to(self, level: int) -> NDArray[np.bool_]:
        """Whether the first answer agrees with where the ad is filed down to ``level``."""
        pairs = zip(self.guesses, self.truth, strict=True)
        return np.array([guess[:level] == path[:level] for guess, path in pairs], dtype=np.bool_)

    def at_level(self, level: int) -> NDArray[np.bool_]:
        """Whether the ad is filed at ``level`` or deeper."""
        return np.array([len(path) >= level for path in self.truth], dtype=np.bool_)

    @property
    def depth(self) -> int:
        """The deepest level at which a test ad is filed."""
        return max(map(len, self.truth), default=0)


def predict(scorer: TitleScorer, titles: Sequence[str], filed: Sequence[Sequence[Path]]) -> Predictions:
    """Score the titles; ``filed`` holds the path or paths that the ad of each is filed at."""
    categories = scorer.tree.categories
    deepest = max(len(path) for path in [*categories, *(path for paths in filed for path in paths)])
    levels = [_Level(categories, level) for level in range(1, deepest + 1)]
    parts = [
        _predict_batch(scorer, levels, titles[start : start + BATCH], filed[start : start + BATCH])
        for start in range(0, len(titles), BATCH)
    ]
    return Predictions(
        categories,
        tuple(path for part in parts for path in part.truth),
        np.vstack([part.ranked for part in parts]),
        np.vstack([part.confidence for part in parts]),
        np.vstack([part.given_parent for part in parts]),
    )


def _predict_batch(
    scorer: TitleScorer, levels: Sequence[_Level], titles: Sequence[str], filed: Sequence[Sequence[Path]]
) -> Predictions:
    categories = scorer.tree.categories
    column = {path: number for number, path in enumerate(categories)}
    probabilities = scorer.probabilities(titles)
    ranked = np.argsort(-probabilities, axis=1, kind="stable")[:, :KEPT_ANSWERS]
    best = ranked[:, 0]
    truth = [
        nearest_path(paths, categories[answer], column, row)
        for paths, answer, row in zip(filed, best.tolist(), probabilities, strict=True)
    ]
    rows = np.arange(len(truth))
    confidence = [probabilities[rows, best]]
    given_parent = [np.full(len(truth), -1, dtype=np.int8)]
    for level in levels:
        sums = level.sums(probabilities)
        confidence.append(level.at(sums, rows, best))
        given_parent.append(level.given_parent(sums, truth))
    return Predictions(
        categories,
        tuple(truth),
        ranked,
        np.minimum(np.column_stack(confidence), 1.0),
        np.column_stack(given_parent),
    )


class _Level:
    """The categories grouped by their paths down to one level. A shorter path is a group of its own.

    Categories are sorted, so that the members of a group are neighbours, and so are the groups below one parent.
    """

    def __init__(self, categories: Sequence[Path], level: int) -> None:
        self._level = level
        groups = [path[:level] for path in categories]
        starts = [i for i, group in enumerate(groups) if i == 0 or group != groups[i - 1]]
        self._starts = np.array(starts, dtype=np.intp)
        self._group_of = np.searchsorted(self._starts, np.arange(len(categories)), side="right") - 1
        self._groups = [groups[start] for start in starts]
        # By parent, the range (start, stop) of the groups below it; one of them may be the parent's own ("stop here").
        self._children: dict[Path, list[int]] = {}
        for number, group in enumerate(self._groups):
            self._children.setdefault(group[: level - 1], [number, number])[1] = number + 1

    def sums(self, probabilities: FloatArray) -> FloatArray:
        """Return the probability of each group, shape (ads, groups)."""
        return np.asarray(np.add.reduceat(probabilities, self._starts, axis=1), dtype=np.float64)

    def at(self, sums: FloatArray, rows: NDArray[np.intp], categories: NDArray[np.intp]) -> FloatArray:
        """Return, for each of ``rows``, the probability of the group of the category at the same place, shape (rows,)."""
        return np.asarray(sums[rows, self._group_of[categories]], dtype=np.float64)

    def given_parent(self, sums: FloatArray, truth: Sequence[Path]) -> NDArray[np.int8]:
        """Return this level's column of ``Predictions.given_parent``."""
        answers = np.full(len(truth), -1, dtype=np.int8)
        for row, path in enumerate(truth):
            bounds = self._children.get(path[: self._level - 1])
            if len(path) >= self._level and bounds is not None:
                best = bounds[0] + int(sums[row, bounds[0] : bounds[1]].argmax())
                answers[row] = self._groups[best] == path[: self._level]
        return answers
