"""Out-of-fold predictions: every title is scored by a cascade that never saw it. Training side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training import Progress, TrainingError, train

FOLDS = 4
BATCH = 4096


@dataclass(frozen=True, slots=True)
class Fold:
    """A scorer and the titles that it did not see.

    Attributes
    ----------
    rows : int array, shape (n,): positions of those titles, ascending.
    scorer : trained on all other titles.
    """

    rows: NDArray[np.intp]
    scorer: TitleScorer


def assign_folds(paths: Sequence[Path], folds: int, seed: int) -> NDArray[np.intp]:
    """Deal the ads of every category out to the folds in turn, in random order; shape (ads,)."""
    fold_of = np.empty(len(paths), dtype=np.intp)
    order = np.random.default_rng(seed).permutation(len(paths)).tolist()
    # One round for all categories, sorted: those with fewer ads than folds do not all start in the first fold.
    order.sort(key=lambda position: paths[position])
    fold_of[order] = np.arange(len(paths)) % folds
    return fold_of


def iter_folds(
    titles: Sequence[str],
    paths: Sequence[Path],
    settings: TitleSettings,
    *,
    folds: int = FOLDS,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Iterator[Fold]:
    """Train once a fold on the ads outside it; one scorer is alive at a time if the caller lets it go.

    Raises
    ------
    TrainingError : the ads are too few for that many folds, or cannot be learned from.
    """
    if len(titles) < 2 * folds:
        raise TrainingError(f"{len(titles)} ads are too few to be scored out of {folds} folds.")
    fold_of = assign_folds(paths, folds, seed)
    for number in range(folds):
        seen = np.flatnonzero(fold_of != number).tolist()
        scorer = train(
            [titles[i] for i in seen], [paths[i] for i in seen], settings, seed=seed, jobs=jobs, progress=progress
        )
        yield Fold(np.flatnonzero(fold_of == number), scorer)


class FoldScores:
    """Collects what the folds' scorers say of their titles.

    Attributes
    ----------
    categories : all paths of the ads, sorted.
    probabilities : float32, shape (titles, categories). A category that all ads outside a fold lack has zero there.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.categories = tuple(sorted(set(paths)))
        self.probabilities = np.zeros((len(paths), len(self.categories)), dtype=np.float32)
        self._column = {path: index for index, path in enumerate(self.categories)}
        self.given = np.array([self._column[path] for path in paths], dtype=np.intp)

    def add(self, fold: Fold, titles: Sequence[str]) -> None:
        """Score the titles of a fold; ``titles`` are those of all folds."""
        columns = np.array([self._column[path] for path in fold.scorer.tree.categories])
        for start in range(0, len(fold.rows), BATCH):
            rows = fold.rows[start : start + BATCH]
            self.probabilities[np.ix_(rows, columns)] = fold.scorer.probabilities([titles[i] for i in rows])

    def doubted(self, fold: Fold) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the fold's ads for which another category than the given is most probable, and that category."""
        best = self.probabilities[fold.rows].argmax(axis=1)
        other = best != self.given[fold.rows]
        return fold.rows[other], best[other]


def out_of_fold_probabilities(
    titles: Sequence[str],
    paths: Sequence[Path],
    settings: TitleSettings,
    *,
    folds: int = FOLDS,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> FoldScores:
    """Score every title by a cascade that never saw it. For raises see ``iter_folds``."""
    scores = FoldScores(paths)
    for fold in iter_folds(titles, paths, settings, folds=folds, seed=seed, jobs=jobs, progress=progress):
        scores.add(fold, titles)
    return scores
