"""Training of a title scorer: normalise, features, cascade and flat models, settings that fit, calibration, compilation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ad_autocategorize.titles.features import Contents, TitleFeatures, Unlisted
from ad_autocategorize.titles.hierarchy import Path, build_nodes, node_key
from ad_autocategorize.titles.mixture import Mixture
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.calibration import Temperatures, fit_mixture, fit_temperatures
from ad_autocategorize.titles.training.cascade import LocalClassifier
from ad_autocategorize.titles.training.checkpoint import Checkpoint, Trained
from ad_autocategorize.titles.training.combination import Scores, fit_combination, join
from ad_autocategorize.titles.training.compilation import compile_scorer
from ad_autocategorize.titles.training.examples import Examples, relative_weights, tokenize, weight_unit
from ad_autocategorize.titles.training.flat import FlatModel, no_flat_model
from ad_autocategorize.titles.training.parts import (
    Asked,
    Learning,
    usual_regularization,
    usual_weights,
    with_weights,
)
from ad_autocategorize.titles.training.splitting import deal_folds
from ad_autocategorize.titles.training.tuning import SEARCHED_ROUNDS, choose_regularization

# Titles are dealt out to so many folds, or more of a large site; one is set aside to calibrate on, before all are learned from.
# With fewer folds more titles are missing than in the end, and margins grow with titles: 4 left probabilities 1 to 3 points too
# high where ads are few, 12 take longer and are no better.
FOLDS = 8
MAX_CALIBRATION_TITLES = 20_000
# Where one fold has fewer titles than this, others are set aside in turn: a small site can be learned from several times.
WANTED_CALIBRATION_TITLES = 2_000
# What the classifiers to be calibrated learn from; temperatures need no more, however large the site.
MAX_CALIBRATED_ON = 100_000
# A few numbers need no more titles than this to be fitted to, and no more scores, so that memory is bounded.
MAX_SCORED_TITLES = 5_000
MAX_SCORED_CELLS = 2**24

Progress = Callable[[str, int, int], None]


class TrainingError(ValueError):
    """The ads cannot be learned from; the message says why and what to do."""


def train(
    titles: Sequence[str],
    paths: Sequence[Path],
    settings: TitleSettings,
    *,
    weights: Sequence[float] | None = None,
    unlisted: Unlisted | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> TitleScorer:
    """Train a scorer on titles and the category paths they are filed at.

    Parameters
    ----------
    titles, paths : of equal length; a path holds node ids from the main category to the given one.
    settings : what they leave open is chosen on the titles; the scorer's own settings say how.
    weights : how much each title counts, above 0; relative to one another, so that equal ones change nothing. Probabilities are
        calibrated on titles as they come.
    unlisted : words of which the n-grams are learned and nothing else, so that the scorer does not list them; of each those that
        are not learned either.
    seed : fixes the calibration split and the solvers; equal input gives an equal scorer.
    jobs : processes that train nodes side by side.
    progress : called with (stage, done, total).

    Raises
    ------
    TrainingError : fewer than two categories, or no title with a word in it that may be listed.
    """
    return train_whole(
        titles, paths, settings, weights=weights, unlisted=unlisted, seed=seed, jobs=jobs, progress=progress
    ).scorer


def train_whole(
    titles: Sequence[str],
    paths: Sequence[Path],
    settings: TitleSettings,
    *,
    weights: Sequence[float] | None = None,
    unlisted: Unlisted | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Trained:
    """Do what ``train`` does, and return with the scorer what ``incremental`` goes on from."""
    tokens, kept = tokenize(titles, settings)
    contents = Contents.of(tokens, settings, unlisted)
    if not contents.has_listed():
        # N-grams alone are no vocabulary: as if no title had a word.
        kept = []
    paths = [paths[index] for index in kept]
    if len(set(paths)) < 2:
        raise TrainingError(
            f"{len(titles)} ads, of which {len(kept)} have words in their title, fill {len(set(paths))} categories: at "
            "least two are needed. Publish more ads, or check the source's 'published' condition and title field."
        )
    examples = Examples(contents, paths, relative_weights(weights, kept))
    rounds = _rounds(examples, seed)
    steps = _Steps(progress, len(build_nodes(paths)) * (1 + len(rounds)))
    calibration = _calibrate(examples, rounds, settings, seed=seed, jobs=jobs, progress=steps.advance)
    settings = calibration.settings
    features, classifiers, flat = _learn(examples, settings, seed=seed, jobs=jobs, progress=steps.advance)
    steps.finish()
    calibrated = calibration.temperatures.apply(classifiers)
    scorer = compile_scorer(settings, features, calibrated, flat, calibration.mixture)
    checkpoint = Checkpoint(
        features.frequencies,
        flat.counted,
        {node_key(path): temperature for path, temperature in calibration.temperatures.of_node.items()},
        calibration.temperatures.common,
        weight_unit=weight_unit(weights, kept),
        total_weight=float(len(kept) if examples.weights is None else examples.weights.sum()),
        seed=seed,
    )
    return Trained(scorer, checkpoint)


def _learn(
    examples: Examples, settings: TitleSettings, *, seed: int, jobs: int, progress: Callable[[], None]
) -> tuple[TitleFeatures, list[LocalClassifier], FlatModel]:
    """Return what all examples say: the vocabulary, the nodes' classifiers, and the flat models, weighted and added up.

    The examples as features, the largest thing of all, end with it: a table is compiled without them.
    """
    learning = Learning.of(examples, settings)
    classifiers = learning.cascade(settings, seed, jobs, progress)
    flat = no_flat_model(learning.categories, learning.matrix.shape[1])
    for model, weight in zip(learning.flat(settings, seed, jobs), usual_weights(settings)[0], strict=True):
        flat += model.scaled(weight)
    return learning.features, classifiers, flat


class _Steps:
    """Counts trained nodes for a progress callback."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def advance(self) -> None:
        self._done = min(self._done + 1, self._total)
        if self._progress is not None:
            self._progress("nodes", self._done, self._total)

    def finish(self) -> None:
        # Nodes with a single outcome are passed through and were never counted.
        self._done = self._total - 1
        self.advance()


@dataclass(frozen=True, slots=True)
class _Calibration:
    """What the titles set aside say: the settings with nothing left open, the temperatures of the nodes, and the mixture."""

    settings: TitleSettings
    temperatures: Temperatures
    mixture: Mixture


@dataclass(frozen=True, slots=True)
class _Round:
    """What one round learned, and the titles that it set aside."""

    classifiers: list[LocalClassifier]
    flat: list[FlatModel]
    asked: Asked


def _rounds(examples: Examples, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the positions that each round learns from and those it sets aside.

    The only ad of a category is set aside too, though its category is then unknown: new ads fall into categories with hardly an
    ad as well, and what is said of them is wrong.
    """
    folds = max(FOLDS, -(-len(examples) // MAX_CALIBRATION_TITLES))
    rounds = min(FOLDS, -(-WANTED_CALIBRATION_TITLES * folds // len(examples)))
    fold_of = deal_folds(examples.paths, folds, seed)
    parts = [(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(rounds)]
    return [(rest, aside) for rest, aside in parts if _can_be_tested(examples, rest, aside)]


def _can_be_tested(examples: Examples, rest: np.ndarray, aside: np.ndarray) -> bool:
    """Say whether the rest can be learned from, and some title set aside lies in one of its categories."""
    learned = examples.part(rest)
    known = set(learned.paths)
    can_be_learned = len(known) > 1 and learned.contents.has_listed()
    return can_be_learned and any(examples.paths[index] in known for index in aside.tolist())


def _calibrate(
    examples: Examples,
    rounds: Sequence[tuple[np.ndarray, np.ndarray]],
    settings: TitleSettings,
    *,
    seed: int,
    jobs: int,
    progress: Callable[[], None],
) -> _Calibration:
    """Choose what the settings leave open and fit temperatures and mixture, in each round on titles not learned from."""
    if not rounds:
        settings = usual_regularization(settings)
        return _Calibration(with_weights(settings, usual_weights(settings)[0]), Temperatures(), Mixture())
    searched = [(examples.part(rest), examples.part(aside)) for rest, aside in rounds[:SEARCHED_ROUNDS]]
    settings = choose_regularization(searched, settings, seed=seed, jobs=jobs)
    learned = []
    for rest, aside in rounds:
        # The vocabulary too is learned without the fold: its titles must hold words as unknown as a new ad's.
        learning = Learning.of(examples.part(rest).sample(MAX_CALIBRATED_ON, seed), settings)
        classifiers = learning.cascade(settings, seed, jobs, progress)
        learned.append(
            _Round(classifiers, learning.flat(settings, seed, jobs), Asked.of(examples.part(aside), learning))
        )
    temperatures = fit_temperatures(each.asked.unseen_by(each.classifiers) for each in learned)
    scores = join(list(_scores(learned, temperatures)))
    weights, free = usual_weights(settings)
    if any(free):
        weights = fit_combination(scores.known(), weights, free).weights
    mixture = fit_mixture(scores.total(weights), scores.targets)
    return _Calibration(with_weights(settings, weights), temperatures, mixture)


def _scores(learned: Sequence[_Round], temperatures: Temperatures) -> Iterator[Scores]:
    for each in learned:
        most = min(MAX_SCORED_TITLES, MAX_SCORED_CELLS // len(each.asked.categories))
        every = -(-len(each.asked.paths) // max(most, 1))
        chosen = np.arange(0, len(each.asked.paths), every)
        yield each.asked.part(chosen).scores(each.classifiers, each.flat, temperatures)
