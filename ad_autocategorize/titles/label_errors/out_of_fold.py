"""Out-of-fold predictions: every title is scored by a cascade that never saw it. Training side.

Nor should the cascade have seen what would say the same for no reason of its own: a seller who files all his ads wrongly, with
hundreds of them outside the fold, would convince it. So a seller's ads are kept together, as far as others know the category.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.label_errors.explanation import WordWeights, deciding_words
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.side_by_side import run_side_by_side
from ad_autocategorize.titles.training.training import Progress, TrainingError, train

FOLDS = 4
BATCH = 4096
# A seller's ads in a category where all others together have fewer cannot be judged by what the others taught.
OTHERS_ADS = 10


@dataclass(frozen=True, slots=True)
class FoldScores:
    """What cascades say of titles that they did not see.

    Attributes
    ----------
    categories : all paths of the ads, sorted.
    given : shape (titles,): position among the categories of the one each ad is filed at.
    fold_of : shape (titles,): the fold that each is scored in.
    witnesses : shape (categories,): how many ads are filed at each, those of one group counted once.
    dominated : shape (titles,): whether most ads of its category are of its group, so that the others knew less than half of it.
    probabilities : float32, shape (titles, categories). A category that all ads outside a fold lack has zero there.
    words : for the titles of which another category than the given is most probable, the words that decided for it.
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
    """Return by ad what must share its fold: the ads of its seller, where others have enough ads in the category.

    Elsewhere only his ads of the same words are kept together: without him nobody would know the category. ``None``, which is no
    group, for ads whose seller is unknown ("").
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
    """Deal the ads of every category out to the folds in turn, in random order; shape (ads,).

    Ads of one group, which ``None`` is not, go to one fold, where their categories have the fewest ads.
    """
    order = np.random.default_rng(seed).permutation(len(paths)).tolist()
    # One round for all categories, sorted: those with fewer ads than folds do not all start in the first fold.
    order.sort(key=lambda position: paths[position])
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
    """Return what must not be parted, the largest first, while there is most room to balance it."""
    if groups is None:
        return [[position] for position in order]
    units: defaultdict[Hashable, list[int]] = defaultdict(list)
    for position in order:
        units[_unit(position, groups)].append(position)
    return sorted(units.values(), key=len, reverse=True)


def _unit(position: int, groups: Sequence[Hashable | None]) -> Hashable:
    group = groups[position]
    return ("alone", position) if group is None else ("group", group)


def _shares_of_groups(
    given: NDArray[np.intp], groups: Sequence[Hashable | None] | None
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return ``FoldScores.witnesses`` and ``FoldScores.dominated``."""
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
    learned : what is learned of each title, where that is not all of it.
    weights : how much each title counts in training; see ``train``.
    groups : ads of one group share a fold; ``None`` is no group. See ``group_sellers``.
    jobs : folds that are worked on side by side, each in a process and memory of its own.
    explain : whether the words that decided are wanted, which takes as many scores more as doubted titles have words.
    progress : called with ("folds", done, all).

    Raises
    ------
    TrainingError : the ads are too few for that many folds, or cannot be learned from.
    """
    if len(titles) < 2 * folds:
        raise TrainingError(f"{len(titles)} ads are too few to be scored out of {folds} folds.")
    categories = tuple(sorted(set(paths)))
    column = {path: index for index, path in enumerate(categories)}
    given = np.array([column[path] for path in paths], dtype=np.intp)
    probabilities = np.zeros((len(paths), len(categories)), dtype=np.float32)
    words: dict[int, WordWeights] = {}
    fold_of = assign_folds(paths, folds, seed, groups)
    # Groups may be fewer than folds.
    numbers = np.unique(fold_of).tolist()
    learned = titles if learned is None else learned
    tasks = ((titles, learned, paths, weights, fold_of == number, settings, seed, explain) for number in numbers)
    for done, answer in enumerate(run_side_by_side(_answer, tasks, jobs=jobs), 1):
        known = np.array([column[path] for path in answer.categories])
        probabilities[np.ix_(answer.rows, known)] = answer.probabilities
        words |= answer.words
        if progress is not None:
            progress("folds", done, len(numbers))
    witnesses, dominated = _shares_of_groups(given, groups)
    return FoldScores(categories, given, fold_of, witnesses, dominated, probabilities, words)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one cascade says: of the titles at ``rows``, for the categories that it knows; and ``words`` by row."""

    rows: NDArray[np.intp]
    categories: tuple[Path, ...]
    probabilities: NDArray[np.float32]
    words: dict[int, WordWeights]


def _answer(
    titles: Sequence[str],
    learned: Sequence[str],
    paths: Sequence[Path],
    weights: Sequence[float] | None,
    inside: NDArray[np.bool_],
    settings: TitleSettings,
    seed: int,
    explain: bool,
) -> _Answer:
    outside, rows = np.flatnonzero(~inside).tolist(), np.flatnonzero(inside)
    counted = None if weights is None else [weights[i] for i in outside]
    scorer = train(
        [learned[i] for i in outside], [paths[i] for i in outside], settings, weights=counted, seed=seed
    ).scorer
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
