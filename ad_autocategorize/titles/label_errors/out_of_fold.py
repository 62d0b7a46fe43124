"""Out-of-fold predictions: every title is scored by a model that was trained without it. Training side.

Nor should the model have learned from other ads of the same seller: one who files all ads wrongly, with hundreds of them outside
the fold, would convince it that they are right. So the ads of a seller are in one fold, if other sellers have enough ads in the
category to learn it from.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.features import Unlisted
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.label_errors.explanation import WordWeights, deciding_words
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.side_by_side import run_side_by_side
from ad_autocategorize.titles.training.training import Progress, TrainingError, train

FOLDS = 4
BATCH = 4096
# If all others together have fewer ads in a category, a model cannot learn the category from them alone.
OTHERS_ADS = 10


@dataclass(frozen=True, slots=True)
class FoldScores:
    """The probabilities that titles get from models trained without them.

    Attributes
    ----------
    categories : all paths of the ads, sorted.
    given : shape (titles,): the position in ``categories`` of the path that each ad is filed at.
    fold_of : shape (titles,): the fold of each title, which its model was trained without.
    witnesses : shape (categories,): how many ads are filed at each, those of one group counted once.
    dominated : shape (titles,): whether more than half of the ads in its category, and not just one, are of its group: its model
        has learned the category from the others, the minority.
    probabilities : float32, shape (titles, categories); zero for a category that occurs in the title's fold alone.
    words : for each title whose most probable category is not the given one, the words that speak for the most probable.
    """

    categories: tuple[Path, ...]
    given: NDArray[np.intp]
    fold_of: NDArray[np.intp]
    witnesses: NDArray[np.intp]
    dominated: NDArray[np.bool_]
    probabilities: NDArray[np.float32]
    words: dict[int, WordWeights]


def group_sellers(
    titles: Sequence[str], paths: Sequence[Path], sellers: Sequence[str], settings: TitleSettings
) -> list[Hashable | None]:
    """Return the group of each ad; ads of equal groups share a fold. ``None`` is no group, for ads of unknown sellers ("").

    A group is all ads of a seller in categories where others have ``OTHERS_ADS`` or more. In other categories, which nothing
    could be learned of without the seller, it is only those ads of the seller that have the same words.
    """
    normalize = Normalizer(settings)
    ads, own = Counter(paths), Counter(zip(paths, sellers, strict=True))
    groups: list[Hashable | None] = []
    for title, path, seller in zip(titles, paths, sellers, strict=True):
        if not seller:
            groups.append(None)
        elif ads[path] - own[path, seller] >= OTHERS_ADS:
            groups.append((seller,))
        else:
            groups.append((seller, *sorted(normalize(title))))
    return groups


def assign_folds(
    paths: Sequence[Path], folds: int, seed: int, groups: Sequence[Hashable | None] | None = None
) -> NDArray[np.intp]:
    """Return the fold of each ad, shape (ads,), so that the ads of every category are spread evenly over the folds.

    Ads of one group share a fold; ``None`` is no group.
    """
    order = np.random.default_rng(seed).permutation(len(paths)).tolist()
    # Category by category, in one pass: of folds with equally many ads of a category the smallest is chosen, so that small
    # categories do not all begin with the first fold.
    order.sort(key=lambda position: paths[position])
    # How many ads of each category every fold has so far.
    filled: defaultdict[Path, list[int]] = defaultdict(lambda: [0] * folds)
    sizes = [0] * folds
    fold_of = np.empty(len(paths), dtype=np.intp)
    for ads in _units(order, groups):
        counts = Counter(paths[ad] for ad in ads)
        crowded = [sum(count * filled[path][fold] for path, count in counts.items()) for fold in range(folds)]
        chosen = min(range(folds), key=lambda fold: (crowded[fold], sizes[fold]))
        fold_of[ads] = chosen
        sizes[chosen] += len(ads)
        for path, count in counts.items():
            filled[path][chosen] += count
    return fold_of


def _units(order: Sequence[int], groups: Sequence[Hashable | None] | None) -> list[list[int]]:
    """Return lists of the ads that must share a fold, by position; long ones first, while the others can still balance them."""
    if groups is None:
        return [[position] for position in order]
    units: defaultdict[Hashable, list[int]] = defaultdict(list)
    for position in order:
        units[_unit(position, groups)].append(position)
    return sorted(units.values(), key=len, reverse=True)


def _unit(position: int, groups: Sequence[Hashable | None]) -> Hashable:
    """Return the key of an ad's unit: its group, or one of its own if it has none."""
    group = groups[position]
    return ("alone", position) if group is None else ("group", group)


def _shares_of_groups(
    given: NDArray[np.intp], groups: Sequence[Hashable | None] | None
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return ``FoldScores.witnesses`` and ``FoldScores.dominated``, in this order."""
    ads = np.bincount(given)
    if groups is None:
        return ads, np.zeros(len(given), dtype=bool)
    pairs = [(category, _unit(position, groups)) for position, category in enumerate(given.tolist())]
    counts = Counter(pairs)
    together = np.array([counts[pair] for pair in pairs])
    return np.bincount([category for category, _ in counts]), (together > 1) & (2 * together > ads[given])


def out_of_fold_scores(
    titles: Sequence[str],
    paths: Sequence[Path],
    settings: TitleSettings,
    *,
    learned: Sequence[str] | None = None,
    unlisted: Unlisted | None = None,
    weights: Sequence[float] | None = None,
    groups: Sequence[Hashable | None] | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    jobs: int = 1,
    explain: bool = False,
    progress: Progress | None = None,
) -> FoldScores:
    """For each fold, train on the ads outside it and score its titles.

    Parameters
    ----------
    titles, paths : of equal length; the titles are scored, and the paths are where their ads are filed.
    learned : what to train on in place of each title; by default the titles themselves.
    weights, unlisted : how much each title counts in training, and the words that are learned by their n-grams; see ``train``.
    groups : ads of one group share a fold; ``None`` is no group. See ``group_sellers``.
    jobs : folds that are worked on side by side, each in a process and memory of its own.
    explain : whether ``FoldScores.words`` is wanted: each word of a doubted title takes one more score.
    progress : called with ("folds", done, all).

    Raises
    ------
    TrainingError : the ads are too few for that many folds, or cannot be learned from.
    """
    if len(titles) < 2 * folds:
        raise TrainingError(f"{len(titles)} ads are too few to be scored out of {folds} folds.")
    ads = _Ads(titles, titles if learned is None else learned, paths, weights, unlisted)
    fold_of = assign_folds(paths, folds, seed, groups)
    # Those that are not empty: groups may be fewer than folds.
    numbers = np.unique(fold_of).tolist()
    tasks = ((ads, fold_of == number, settings, seed, explain) for number in numbers)
    scored = _counted(run_side_by_side(_score_fold, tasks, jobs=jobs), len(numbers), progress)
    return _join(scored, paths, fold_of, groups)


def _counted(scored: Iterator[_ScoredFold], total: int, progress: Progress | None) -> Iterator[_ScoredFold]:
    """Yield the folds, and call ``progress`` after each."""
    for done, fold in enumerate(scored, 1):
        yield fold
        if progress is not None:
            progress("folds", done, total)


def _join(
    scored: Iterable[_ScoredFold],
    paths: Sequence[Path],
    fold_of: NDArray[np.intp],
    groups: Sequence[Hashable | None] | None,
) -> FoldScores:
    """Put the scores of all folds together, one after the other, so that none is in memory twice."""
    categories = tuple(sorted(set(paths)))
    column = {path: index for index, path in enumerate(categories)}
    probabilities = np.zeros((len(paths), len(categories)), dtype=np.float32)
    words: dict[int, WordWeights] = {}
    for fold in scored:
        known = np.array([column[path] for path in fold.categories])
        probabilities[np.ix_(fold.rows, known)] = fold.probabilities
        words |= fold.words
    given = np.array([column[path] for path in paths], dtype=np.intp)
    witnesses, dominated = _shares_of_groups(given, groups)
    return FoldScores(categories, given, fold_of, witnesses, dominated, probabilities, words)


@dataclass(frozen=True, slots=True)
class _Ads:
    """All ads, in columns of equal length: the titles to score, and what to learn from, as ``train`` takes it."""

    titles: Sequence[str]
    learned: Sequence[str]
    paths: Sequence[Path]
    weights: Sequence[float] | None
    unlisted: Unlisted | None

    def train_on(self, rows: NDArray[np.intp], settings: TitleSettings, seed: int) -> TitleScorer:
        """Return a scorer that has learned from the ads at ``rows``."""
        places = rows.tolist()
        weights = None if self.weights is None else [self.weights[place] for place in places]
        learned, paths = [self.learned[place] for place in places], [self.paths[place] for place in places]
        return train(learned, paths, settings, weights=weights, unlisted=self.unlisted, seed=seed).scorer


@dataclass(frozen=True, slots=True)
class _ScoredFold:
    """The scores of one fold.

    Attributes
    ----------
    rows : shape (fold,): the positions of its titles among all.
    categories : those that its model knows.
    probabilities : shape (fold, categories).
    words : ``FoldScores.words`` of these titles.
    """

    rows: NDArray[np.intp]
    categories: tuple[Path, ...]
    probabilities: NDArray[np.float32]
    words: dict[int, WordWeights]


def _score_fold(ads: _Ads, inside: NDArray[np.bool_], settings: TitleSettings, seed: int, explain: bool) -> _ScoredFold:
    """Train on the ads outside a fold, and score the titles inside it."""
    rows = np.flatnonzero(inside)
    scorer = ads.train_on(np.flatnonzero(~inside), settings, seed)
    titles = [ads.titles[row] for row in rows.tolist()]
    # In batches, so that probabilities in double precision are never held for all titles.
    parts = [
        scorer.probabilities(titles[start : start + BATCH]).astype(np.float32) for start in range(0, len(titles), BATCH)
    ]
    probabilities = np.vstack(parts)
    words = {}
    if explain:
        found = _words(scorer, titles, [ads.paths[row] for row in rows.tolist()], probabilities)
        words = {int(rows[place]): weights for place, weights in found.items()}
    return _ScoredFold(rows, scorer.tree.categories, probabilities, words)


def _words(
    scorer: TitleScorer, titles: Sequence[str], paths: Sequence[Path], probabilities: NDArray[np.float32]
) -> dict[int, WordWeights]:
    """Return the words that speak against the given path, by the positions of the titles whose best category is another."""
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
