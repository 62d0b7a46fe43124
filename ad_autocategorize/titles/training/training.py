"""Training of a title scorer, from titles to a compiled scorer.

First, the settings that a site leaves open are chosen and the model is calibrated, on titles that are set aside. Then the cascade
and the flat models are trained on all titles, and compiled into one table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.features import Contents, TitleFeatures, Unlisted
from ad_autocategorize.titles.hierarchy import Path, build_nodes, node_key
from ad_autocategorize.titles.mixture import Mixture
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.calibration import Temperatures, fit_mixture, fit_temperatures
from ad_autocategorize.titles.training.cascade import LocalClassifier
from ad_autocategorize.titles.training.checkpoint import Checkpoint, Trained
from ad_autocategorize.titles.training.combination import Scores, fit_combination, join
from ad_autocategorize.titles.training.compilation import compile_scorer
from ad_autocategorize.titles.training.examples import Examples, relative_weights, tokenize, weight_unit
from ad_autocategorize.titles.training.flat import FlatModel, no_flat_model
from ad_autocategorize.titles.training.parts import (
    TrainingSet,
    UnseenTitles,
    flat_weights,
    usual_regularization,
    with_flat_weights,
)
from ad_autocategorize.titles.training.splitting import deal_folds
from ad_autocategorize.titles.training.tuning import SEARCHED_ROUNDS, Trial, choose_regularization

# The number of folds for calibration; a large site has more, so that a fold has at most ``MAX_CALIBRATION_TITLES``. Each round
# sets one fold aside and learns from the others. With fewer folds a round would learn from far fewer titles than the final
# model, and the margins of a linear classifier grow with titles: 4 folds made probabilities 1 to 3 points too high where ads
# are few. 12 take longer and are no better.
FOLDS = 8
MAX_CALIBRATION_TITLES = 20_000
# There are as many rounds as it takes to set so many titles aside: one on most sites, and more on small ones, which are quick to
# learn from.
WANTED_CALIBRATION_TITLES = 2_000
# A round learns from at most so many titles; temperatures need no more, however large the site.
MAX_CALIBRATED_ON = 100_000
# Of each round at most so many titles, and so many scores (titles times categories), are kept to fit a few numbers to: memory
# stays bounded.
MAX_SCORED_TITLES = 5_000
MAX_SCORED_CELLS = 2**24

Progress = Callable[[str, int, int], None]


class TrainingError(ValueError):
    """The ads cannot be learned from; the message says why, and what to do about it."""


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
) -> Trained:
    """Train a scorer on titles and the category paths they are filed at.

    The scorer is returned with the checkpoint that ``incremental`` goes on from when only some ads have changed.

    Parameters
    ----------
    titles, paths : of equal length; a path holds node ids from the main category to the given one.
    settings : those that are ``None`` are chosen on the titles; ``scorer.settings`` of the result has the choice.
    weights : how much each title counts, above 0; relative to one another, so that equal ones change nothing. Probabilities are
        calibrated on unweighted titles.
    unlisted : words of which the n-grams are learned and nothing else, so that the scorer does not list them; of each those that
        are not learned either.
    seed : fixes the calibration split and the solvers; equal input gives an equal scorer.
    jobs : processes that train nodes side by side.
    progress : called with (stage, done, total).

    Raises
    ------
    TrainingError : fewer than two categories, or no title with a word in it that may be listed.
    """
    examples, kept = _read_examples(titles, paths, weights, settings, unlisted)
    splits = _calibration_splits(examples, seed)
    steps = _Steps(progress, len(build_nodes(examples.paths)) * (1 + len(splits)))
    calibration = _calibrate(examples, splits, settings, seed=seed, jobs=jobs, progress=steps.advance)
    settings, temperatures = calibration.settings, calibration.temperatures
    features, classifiers, flat = _learn(examples, settings, seed=seed, jobs=jobs, progress=steps.advance)
    steps.finish()
    scorer = compile_scorer(settings, features, temperatures.apply(classifiers), flat, calibration.mixture)
    checkpoint = Checkpoint(
        frequencies=features.frequencies,
        counted=flat.counted,
        temperatures={node_key(path): temperature for path, temperature in temperatures.of_node.items()},
        common_temperature=temperatures.common,
        weight_unit=weight_unit(weights, kept),
        total_weight=float(len(kept) if examples.weights is None else examples.weights.sum()),
        seed=seed,
    )
    return Trained(scorer, checkpoint)


def _read_examples(
    titles: Sequence[str],
    paths: Sequence[Path],
    weights: Sequence[float] | None,
    settings: TitleSettings,
    unlisted: Unlisted | None,
) -> tuple[Examples, list[int]]:
    """Return the examples that have words, and their positions among all. Raises ``TrainingError``."""
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
    return Examples(contents, paths, relative_weights(weights, kept)), kept


def _learn(
    examples: Examples, settings: TitleSettings, *, seed: int, jobs: int, progress: Callable[[], None]
) -> tuple[TitleFeatures, list[LocalClassifier], FlatModel]:
    """Train on all examples; return the vocabulary, the nodes' classifiers, and the weighted sum of the flat models.

    A function of its own, so that the examples as features, the largest thing in memory, are gone before a table is compiled.
    """
    training_set = TrainingSet.of(examples, settings)
    classifiers = training_set.train_cascade(settings, seed, jobs, progress)
    flat = no_flat_model(training_set.categories, training_set.matrix.shape[1])
    models = training_set.train_flat_models(settings, seed, jobs)
    for model, weight in zip(models, flat_weights(settings).values, strict=True):
        flat += model.scaled(weight)
    return training_set.features, classifiers, flat


class _Steps:
    """Tells a progress callback how many nodes are trained, of ``total`` in all rounds."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def advance(self) -> None:
        self._done = min(self._done + 1, self._total)
        if self._progress is not None:
            self._progress("nodes", self._done, self._total)

    def finish(self) -> None:
        # Nodes with a single outcome are not trained: they are in ``total``, but were never counted as done.
        self._done = self._total - 1
        self.advance()


@dataclass(frozen=True, slots=True)
class _Calibration:
    """What was chosen on titles set aside: all settings, the temperatures of the nodes, and the mixture."""

    settings: TitleSettings
    temperatures: Temperatures
    mixture: Mixture


@dataclass(frozen=True, slots=True)
class _Split:
    """Positions of the examples that a calibration round learns from, and of those that it sets aside."""

    learned: NDArray[np.intp]
    aside: NDArray[np.intp]

    def can_calibrate(self, examples: Examples) -> bool:
        """Say whether there are two categories and a listed word to learn, and a title set aside of one of the categories."""
        learned = examples.part(self.learned)
        known = set(learned.paths)
        can_be_learned = len(known) > 1 and learned.contents.has_listed()
        return can_be_learned and any(examples.paths[index] in known for index in self.aside.tolist())


@dataclass(frozen=True, slots=True)
class _Round:
    """The models of one calibration round, and the titles that it set aside."""

    classifiers: list[LocalClassifier]
    flat: list[FlatModel]
    unseen: UnseenTitles


def _calibration_splits(examples: Examples, seed: int) -> list[_Split]:
    """Return the splits of the calibration rounds; none if the examples are too few.

    The only ad of a category may be set aside too, and its category is unknown then. That is on purpose: new ads also fall into
    categories that training hardly saw, where answers are wrong, and probabilities have to allow for it.
    """
    folds = max(FOLDS, -(-len(examples) // MAX_CALIBRATION_TITLES))
    rounds = min(FOLDS, -(-WANTED_CALIBRATION_TITLES * folds // len(examples)))
    fold_of = deal_folds(examples.paths, folds, seed)
    splits = [_Split(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(rounds)]
    return [split for split in splits if split.can_calibrate(examples)]


def _calibrate(
    examples: Examples,
    splits: Sequence[_Split],
    settings: TitleSettings,
    *,
    seed: int,
    jobs: int,
    progress: Callable[[], None],
) -> _Calibration:
    """Choose the settings that are ``None``, and fit temperatures and mixture, all on titles not learned from."""
    if not splits:
        settings = usual_regularization(settings)
        return _Calibration(with_flat_weights(settings, flat_weights(settings).values), Temperatures(), Mixture())
    trials = [Trial(examples.part(split.learned), examples.part(split.aside)) for split in splits[:SEARCHED_ROUNDS]]
    settings = choose_regularization(trials, settings, seed=seed, jobs=jobs)
    rounds = []
    for split in splits:
        # The vocabulary is learned without the titles set aside too: they must have unknown words as often as new ads do.
        training_set = TrainingSet.of(examples.part(split.learned).sample(MAX_CALIBRATED_ON, seed), settings)
        classifiers = training_set.train_cascade(settings, seed, jobs, progress)
        flat = training_set.train_flat_models(settings, seed, jobs)
        rounds.append(_Round(classifiers, flat, UnseenTitles.of(examples.part(split.aside), training_set)))
    temperatures = fit_temperatures(each.unseen.with_classifiers(each.classifiers) for each in rounds)
    scores = join([_scores(each, temperatures) for each in rounds])
    start = flat_weights(settings)
    weights = start.values
    if any(start.is_free):
        weights = fit_combination(scores.known(), start.values, start.is_free).weights
    mixture = fit_mixture(scores.total(weights), scores.targets)
    return _Calibration(with_flat_weights(settings, weights), temperatures, mixture)


def _scores(each: _Round, temperatures: Temperatures) -> Scores:
    """Return the scores of the titles that a round set aside, or of every n-th of them if they are too many."""
    most = min(MAX_SCORED_TITLES, MAX_SCORED_CELLS // len(each.unseen.categories))
    every = -(-len(each.unseen.paths) // max(most, 1))
    chosen = np.arange(0, len(each.unseen.paths), every)
    return each.unseen.part(chosen).scores(each.classifiers, each.flat, temperatures)
