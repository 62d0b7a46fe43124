"""What a scorer answers for test ads, kept small: never the whole table of probabilities at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.evaluation.filed_twice import nearest_path
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.scorer import TitleScorer

# Answers kept for each ad.
KEPT_ANSWERS = 10
# Whole distributions are held for so many ads at a time.
BATCH = 4096

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predictions:
    """Answers for n ads.

    Attributes
    ----------
    categories : the paths that the scorer knows.
    truth : where the ads are filed; of several categories the one that the answer comes nearest to.
    ranked : shape (n, up to ten): positions in ``categories``, the most probable first.
    confidence : shape (n, depth + 1): probability of the first answer's path down to level 1, 2, ...; column 0 is that of
        the ad being filed exactly there.
    given_parent : shape (n, depth + 1): 1 where the right child is the best one at this level given the right parent, 0 where
        it is not, -1 where the ad is not filed so deep or the parent is unknown; column 0 is not used.
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
    """Score the titles batch by batch; ``filed`` are the paths of each ad, one as a rule."""
    categories = scorer.tree.categories
    column = {path: number for number, path in enumerate(categories)}
    deepest = max(len(path) for path in [*categories, *(path for paths in filed for path in paths)])
    levels = [_Level(categories, level) for level in range(1, deepest + 1)]
    ranked, confidence, given_parent = [], [], []
    truths: list[Path] = []
    for start in range(0, len(titles), BATCH):
        probabilities = scorer.probabilities(titles[start : start + BATCH])
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :KEPT_ANSWERS]
        best = order[:, 0]
        truth = [
            nearest_path(paths, categories[answer], column, row)
            for paths, answer, row in zip(filed[start : start + BATCH], best.tolist(), probabilities, strict=True)
        ]
        truths += truth
        rows = np.arange(len(truth))
        sums = [level.sums(probabilities) for level in levels]
        columns = [probabilities[rows, best]]
        columns += [level.at(total, rows, best) for level, total in zip(levels, sums, strict=True)]
        answers = [level.given_parent(total, truth) for level, total in zip(levels, sums, strict=True)]
        ranked.append(order)
        confidence.append(np.minimum(np.column_stack(columns), 1.0))
        given_parent.append(np.column_stack([np.full(len(truth), -1, dtype=np.int8), *answers]))
    return Predictions(categories, tuple(truths), np.vstack(ranked), np.vstack(confidence), np.vstack(given_parent))


class _Level:
    """The categories cut at one level: neighbours with the same beginning are one group, shorter paths their own."""

    def __init__(self, categories: Sequence[Path], level: int) -> None:
        self._level = level
        groups = [path[:level] for path in categories]
        starts = [i for i, group in enumerate(groups) if i == 0 or group != groups[i - 1]]
        self._starts = np.array(starts, dtype=np.intp)
        self._group_of = np.searchsorted(self._starts, np.arange(len(categories)), side="right") - 1
        self._groups = [groups[start] for start in starts]
        # Children of one parent are neighbours, the parent's own ads ("stop here") among them.
        self._children: dict[Path, list[int]] = {}
        for number, group in enumerate(self._groups):
            self._children.setdefault(group[: level - 1], [number, number])[1] = number + 1

    def sums(self, probabilities: FloatArray) -> FloatArray:
        return np.asarray(np.add.reduceat(probabilities, self._starts, axis=1), dtype=np.float64)

    def at(self, sums: FloatArray, rows: NDArray[np.intp], categories: NDArray[np.intp]) -> FloatArray:
        return np.asarray(sums[rows, self._group_of[categories]], dtype=np.float64)

    def given_parent(self, sums: FloatArray, truth: Sequence[Path]) -> NDArray[np.int8]:
        answers = np.full(len(truth), -1, dtype=np.int8)
        for row, path in enumerate(truth):
            bounds = self._children.get(path[: self._level - 1])
            if len(path) >= self._level and bounds is not None:
                best = bounds[0] + int(sums[row, bounds[0] : bounds[1]].argmax())
                answers[row] = self._groups[best] == path[: self._level]
        return answers
