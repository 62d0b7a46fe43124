"""Settings that fit the site: what the settings leave open is chosen on the site's own ads.

How much to regularise is tried on samples, since what suits a fifth of the ads suits all of them: first the nodes, then the flat
machine, each with the weights that suit it, by their loss on titles set aside (see ``combination``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.calibration import fit_temperatures
from ad_autocategorize.titles.training.cascade import USUAL_REGULARIZATION
from ad_autocategorize.titles.training.combination import FloatArray, Scores, fit_combination
from ad_autocategorize.titles.training.examples import Examples
from ad_autocategorize.titles.training.parts import (
    USUAL_FLAT_REGULARIZATION,
    Asked,
    Learning,
    usual_regularization,
    usual_weights,
)

# The usual one stands in the middle and stays where none is surely better. Outwards from it the next is tried as long as the loss
# falls.
NODE_CANDIDATES = (0.25, 0.5, USUAL_REGULARIZATION, 2.0, 4.0)
FLAT_CANDIDATES = (0.01, 0.03, USUAL_FLAT_REGULARIZATION, 0.3, 1.0)
SEARCHED_ROUNDS = 2
SEARCHED_ON = 6_000
SEARCHED_WITH = 2_000
# Where a category has fewer of them than this on average, a part of the categories is searched, drawn by chance: what suits one
# ad a category says nothing of a site that has a hundred.
ADS_PER_CATEGORY = 10
# With fewer titles to judge by, chance would choose.
LEAST_ASKED = 100
# By how many standard errors of the difference another has to be better.
SURELY_BETTER = 0.5


def choose_regularization(
    rounds: Sequence[tuple[Examples, Examples]], settings: TitleSettings, *, seed: int, jobs: int
) -> TitleSettings:
    """Return the settings with both C, chosen where they are open.

    In each round the first examples are learned from, and the second are judged on where their category is one of the first.
    """
    usual = usual_regularization(settings)
    nodes = settings.regularization is None and settings.classifier != "multinomial_nb"
    machine = settings.flat_regularization is None and settings.flat_svc_weight != 0
    if sum(len(asked) for _, asked in rounds) < LEAST_ASKED or not (nodes or machine):
        return usual
    searches = []
    for rest, asked in (_with_fewer_categories(*each, seed) for each in rounds):
        drawn = np.random.default_rng(seed).permutation(len(asked))[:SEARCHED_WITH]
        searches.append(_Search(rest.sample(SEARCHED_ON, seed), asked.part(np.sort(drawn)), usual, seed, jobs))

    def losses(tried: TitleSettings) -> FloatArray:
        return np.concatenate([search.losses(tried) for search in searches])

    chosen = usual
    if nodes:
        best = _best(NODE_CANDIDATES, lambda c: losses(replace(usual, regularization=c)))
        chosen = replace(usual, regularization=best)
    if machine:
        best = _best(FLAT_CANDIDATES, lambda c: losses(replace(chosen, flat_regularization=c)))
        return replace(chosen, flat_regularization=best)
    return chosen


def _with_fewer_categories(rest: Examples, asked: Examples, seed: int) -> tuple[Examples, Examples]:
    categories, most = sorted(set(rest.paths)), SEARCHED_ON // ADS_PER_CATEGORY
    if len(categories) <= most:
        return rest, asked
    drawn = np.random.default_rng(seed).choice(len(categories), most, replace=False)
    searched = {categories[index] for index in drawn.tolist()}
    parts = [np.flatnonzero([path in searched for path in examples.paths]) for examples in (rest, asked)]
    return rest.part(parts[0]), asked.part(parts[1])


def _best(candidates: Sequence[float], losses: Callable[[float], FloatArray]) -> float:
    """Return the candidate of least loss of those tried, or the one in the middle where that is hardly better."""
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
    """Tries settings on the same examples; what several of them share is trained once."""

    def __init__(self, rest: Examples, asked: Examples, settings: TitleSettings, seed: int, jobs: int) -> None:
        self._settings, self._seed, self._jobs = settings, seed, jobs
        self._learning = Learning.of(rest, settings)
        self._asked = Asked.of(asked, self._learning)
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
        scores = Scores(np.stack(parts), self._asked.targets).known()
        return fit_combination(scores, *usual_weights(settings)).losses

    def _score_cascade(self, regularization: float | None) -> FloatArray:
        settings = replace(self._settings, regularization=regularization)
        classifiers = self._learning.cascade(settings, self._seed, self._jobs)
        temperatures = fit_temperatures([self._asked.unseen_by(classifiers)])
        return self._asked.path_scores(temperatures.apply(classifiers))

    def _score_svc(self, regularization: float) -> FloatArray:
        return self._learning.flat_svc(regularization, self._seed, self._jobs).scores(self._asked.matrix)

    def _score_bayes(self) -> FloatArray:
        return self._learning.naive_bayes().scores(self._asked.matrix)
