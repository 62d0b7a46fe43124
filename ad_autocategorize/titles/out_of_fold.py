"""Out-of-fold predictions: every title is scored by a cascade that never saw it. Training side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.explanation import WordWeights, deciding_words
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training import Progress, TrainingError, train

FOLDS = 4
BATCH = 4096


@dataclass(frozen=True, slots=True)
class FoldScores:
    """What cascades say of titles that they did not see.

    Attributes
    ----------
    categories : all paths of the ads, sorted.
    given : shape (titles,): position among the categories of the one each ad is filed at.
    probabilities : float32, shape (titles, categories). A category that all ads outside a fold lack has zero there.
    words : for the titles of which another category than the given is most probable, the words that decided for it.
    """

    categories: tuple[Path, ...]
    given: NDArray[np.intp]
    probabilities: NDArray[np.float32]
    words: dict[int, WordWeights]


def assign_folds(paths: Sequence[Path], folds: int, seed: int) -> NDArray[np.intp]:
    """Deal the ads of every category out to the folds in turn, in random order; shape (ads,)."""
    fold_of = np.empty(len(paths), dtype=np.intp)
    order = np.random.default_rng(seed).permutation(len(paths)).tolist()
    # One round for all categories, sorted: those with fewer ads than folds do not all start in the first fold.
    order.sort(key=lambda position: paths[position])
    fold_of[order] = np.arange(len(paths)) % folds
    return fold_of


def out_of_fold_scores(
    titles: Sequence[str],
    paths: Sequence[Path],
    settings: TitleSettings,
    *,
    folds: int = FOLDS,
    seed: int = 0,
    jobs: int = 1,
    explain: bool = False,
    progress: Progress | None = None,
) -> FoldScores:
    """Train once a fold on the ads outside it, and score its titles.

    Parameters
    ----------
    jobs : folds that are worked on side by side, each in a process and memory of its own.
    explain : whether the words that decided are wanted, which takes as many scores more as doubted titles have words.
    progress : called with ("folds", done, folds).

    Raises
    ------
    TrainingError : the ads are too few for that many folds, or cannot be learned from.
    """
    from joblib import Parallel, delayed

    if len(titles) < 2 * folds:
        raise TrainingError(f"{len(titles)} ads are too few to be scored out of {folds} folds.")
    categories = tuple(sorted(set(paths)))
    column = {path: index for index, path in enumerate(categories)}
    given = np.array([column[path] for path in paths], dtype=np.intp)
    probabilities = np.zeros((len(paths), len(categories)), dtype=np.float32)
    words: dict[int, WordWeights] = {}
    fold_of = assign_folds(paths, folds, seed)
    tasks = (delayed(_answer)(titles, paths, fold_of == number, settings, seed, explain) for number in range(folds))
    for done, answer in enumerate(Parallel(n_jobs=jobs, return_as="generator")(tasks), 1):
        known = np.array([column[path] for path in answer.categories])
        probabilities[np.ix_(answer.rows, known)] = answer.probabilities
        words |= answer.words
        if progress is not None:
            progress("folds", done, folds)
    return FoldScores(categories, given, probabilities, words)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one cascade says: of the titles at ``rows``, for the categories that it knows; and ``words`` by row."""

    rows: NDArray[np.intp]
    categories: tuple[Path, ...]
    probabilities: NDArray[np.float32]
    words: dict[int, WordWeights]


def _answer(
    titles: Sequence[str],
    paths: Sequence[Path],
    inside: NDArray[np.bool_],
    settings: TitleSettings,
    seed: int,
    explain: bool,
) -> _Answer:
    outside, rows = np.flatnonzero(~inside).tolist(), np.flatnonzero(inside)
    scorer = train([titles[i] for i in outside], [paths[i] for i in outside], settings, seed=seed)
    asked = [titles[i] for i in rows.tolist()]
    parts = [
        scorer.probabilities(asked[start : start + BATCH]).astype(np.float32) for start in range(0, len(asked), BATCH)
    ]
    probabilities = np.vstack(parts)
    words = _words(scorer, asked, [paths[i] for i in rows.tolist()], probabilities) if explain else {}
    known = scorer.tree.categories
    return _Answer(rows, known, probabilities, {int(rows[place]): weights for place, weights in words.items()})


def _words(
    scorer: TitleScorer, titles: Sequence[str], paths: Sequence[Path], probabilities: NDArray[np.float32]
) -> dict[int, WordWeights]:
    """Return the words that decided against the given path, by the position of the title."""
    known = scorer.tree.categories
    best = [known[column] for column in probabilities.argmax(axis=1)]
    doubted = [place for place, path in enumerate(paths) if path != best[place]]
    explained = deciding_words(
        scorer,
        [titles[place] for place in doubted],
        [paths[place] for place in doubted],
        [best[place] for place in doubted],
    )
    return dict(zip(doubted, explained, strict=True))
