"""Choosing how much to regularise, on the site's own ads.

First C of the nodes' classifiers is chosen, then C of the flat support-vector machine. Each candidate is trained on a sample, is
given the best weights of the flat models, and is judged by its loss on titles set aside (see ``combination``). A sample will do:
what suits a fifth of the ads suits all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np

from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.calibration import fit_temperatures
from ad_autocategorize.titles.training.cascade import USUAL_REGULARIZATION
from ad_autocategorize.titles.training.combination import FloatArray, Scores, fit_combination
from ad_autocategorize.titles.training.examples import Examples
from ad_autocategorize.titles.training.parts import (
    USUAL_FLAT_REGULARIZATION,
    TrainingSet,
    UnseenTitles,
    flat_weights,
    usual_regularization,
)

# The usual value is in the middle, and is kept unless another is surely better. The search goes outwards from it, on both
# sides, for as long as the loss falls.
NODE_CANDIDATES = (0.25, 0.5, USUAL_REGULARIZATION, 2.0, 4.0)
FLAT_CANDIDATES = (0.01, 0.03, USUAL_FLAT_REGULARIZATION, 0.3, 1.0)
# How many calibration rounds are searched in, and of each how many titles are learned from and judged by.
SEARCHED_ROUNDS = 2
SEARCHED_ON = 6_000
SEARCHED_WITH = 2_000
# If a category would have fewer titles in the sample than this on average, the sample is of some categories only, drawn by
# chance: what suits one ad per category says nothing of a site that has a hundred per category.
ADS_PER_CATEGORY = 10
# With fewer titles to judge by, chance would choose.
LEAST_ASKED = 100
# By how many standard errors of the difference another candidate has to be better than the usual one.
SURELY_BETTER = 0.5


class Trial(NamedTuple):
    """Examples to learn from, and others, set aside, to judge by. Those of categories that were not learned do not count."""

    learned: Examples
    aside: Examples

    def with_fewer_categories(self, most: int, seed: int) -> Trial:
        """Return the examples of ``most`` categories drawn by chance, or all if there are no more categories."""
        categories = sorted(set(self.learned.paths))
        if len(categories) <= most:
            return self
        drawn = np.random.default_rng(seed).choice(len(categories), most, replace=False)
        chosen = {categories[index] for index in drawn.tolist()}
        learned, aside = (
            examples.part(np.flatnonzero([path in chosen for path in examples.paths])) for examples in self
        )
        return Trial(learned, aside)


def choose_regularization(trials: Sequence[Trial], settings: TitleSettings, *, seed: int, jobs: int) -> TitleSettings:
    """Return the settings with both C; those that are ``None`` are chosen by the trials."""
    usual = usual_regularization(settings)
    choose_nodes = settings.regularization is None and settings.classifier != "multinomial_nb"
    choose_flat = settings.flat_regularization is None and settings.flat_svc_weight != 0
    if sum(len(trial.aside) for trial in trials) < LEAST_ASKED or not (choose_nodes or choose_flat):
        return usual
    searches = []
    for trial in trials:
        learned, aside = trial.with_fewer_categories(SEARCHED_ON // ADS_PER_CATEGORY, seed)
        drawn = np.random.default_rng(seed).permutation(len(aside))[:SEARCHED_WITH]
        searches.append(_Search(learned.sample(SEARCHED_ON, seed), aside.part(np.sort(drawn)), usual, seed, jobs))

    def losses(tried: TitleSettings) -> FloatArray:
        return np.concatenate([search.losses(tried) for search in searches])

    chosen = usual
    if choose_nodes:
        best = _best(NODE_CANDIDATES, lambda c: losses(replace(usual, regularization=c)))
        chosen = replace(usual, regularization=best)
    if choose_flat:
        best = _best(FLAT_CANDIDATES, lambda c: losses(replace(chosen, flat_regularization=c)))
        return replace(chosen, flat_regularization=best)
    return chosen


def _best(candidates: Sequence[float], losses: Callable[[float], FloatArray]) -> float:
    """Return the candidate of least mean loss, or the usual one in the middle unless the other is surely better.

    ``losses`` returns the loss of each title with a candidate, always of the same titles.
    """
    middle = len(candidates) // 2
    usual = candidates[middle]
    found = {usual: losses(usual)}
    for outwards in (candidates[middle + 1 :], candidates[:middle][::-1]):
        loss = float(found[usual].mean())
        for candidate in outwards:
            found[candidate] = losses(candidate)
            before, loss = loss, float(found[candidate].mean())
            if loss >= before:
                break
    best = min(found, key=lambda candidate: float(found[candidate].mean()))
    gain = found[usual] - found[best]
    surely = float(gain.mean()) >= SURELY_BETTER * float(gain.std()) / len(gain) ** 0.5
    return best if surely else usual


class _Search:
    """Returns the losses of settings, always on the same examples. What several settings share is trained once."""

    def __init__(self, learned: Examples, aside: Examples, settings: TitleSettings, seed: int, jobs: int) -> None:
        self._settings, self._seed, self._jobs = settings, seed, jobs
        self._training_set = TrainingSet.of(learned, settings)
        self._unseen = UnseenTitles.of(aside, self._training_set)
        self._cascade = cache(self._score_cascade)
        self._svc = cache(self._score_svc)
        self._bayes = cache(self._score_bayes)
        self.losses = cache(self._losses)

    def _losses(self, settings: TitleSettings) -> FloatArray:
        parts = [self._cascade(settings.regularization)]
        if settings.naive_bayes_weight != 0:
            parts.append(self._bayes())
        if settings.flat_svc_weight != 0:
            parts.append(self._svc(settings.flat_regularization))
        scores = Scores(np.stack(parts), self._unseen.targets).known()
        start = flat_weights(settings)
        return fit_combination(scores, start.values, start.is_free).losses

    def _score_cascade(self, regularization: float | None) -> FloatArray:
        settings = replace(self._settings, regularization=regularization)
        classifiers = self._training_set.train_cascade(settings, self._seed, self._jobs)
        temperatures = fit_temperatures([self._unseen.with_classifiers(classifiers)])
        return self._unseen.path_scores(temperatures.apply(classifiers))

    def _score_svc(self, regularization: float) -> FloatArray:
        return self._training_set.train_flat_svc(regularization, self._seed, self._jobs).scores(self._unseen.matrix)

    def _score_bayes(self) -> FloatArray:
        return self._training_set.train_naive_bayes().scores(self._unseen.matrix)
