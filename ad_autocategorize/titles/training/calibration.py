"""Calibration: from margins to probabilities that can be believed, on titles that the classifiers have not seen.

First, each node gets a temperature (temperature scaling: Guo et al., "On Calibration of Modern Neural Networks", 2017). A node
with few titles is drawn towards the temperature that fits all nodes together. Then the numbers of the mixture are fitted (see
``mixture``). All of them minimise the negative log-likelihood, with weak priors for the sake of small sites.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_softmax

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.mixture import Mixture
from ad_autocategorize.titles.training.cascade import LocalClassifier

FloatArray = NDArray[np.float64]

# The weight of the penalty, in nats, on the squared distance of a node's log-temperature from the common one: about as much as
# the node's titles weigh if there are so many of them.
SHRINKAGE = 10.0
# The weight of the penalty, in nats, on the squared distance of the common log-temperature from the usual one, and on that of the
# mixture's log-temperature from 0. If the few titles of a site are all filed rightly, nothing else keeps temperatures finite.
PRIOR = 4.0
USUAL_LOG_TEMPERATURE = -0.5
# The same for the log-odds of the mixture's share and flatness, of which less is known beforehand.
SHARE_PRIOR = 0.1
# Added to a likelihood of 0 before its logarithm is taken.
TINY = 1e-12
# Where the search for the mixture begins: the logarithm of its temperature, and the log-odds of its share and flatness. These are
# the usual values, and a small share that is very flat; from either start alone some sites end in a local minimum.
_STARTS = ((0.0, -1.0, 0.0), (0.0, -3.0, -2.0))
# Only so many of a title's highest scores are summed in a softmax; the others are next to nothing.
_HIGHEST = 128
# The temperature of a node is fitted to at most so many margins (titles times outcomes).
MAX_CELLS = 2**21
_LOG_TEMPERATURE_BOUNDS = (-4.0, 4.0)


class _NodeTitles(NamedTuple):
    """The titles that pass a node: their margins, shape (titles, outcomes), and the outcomes they go on to, shape (titles,)."""

    margins: FloatArray
    targets: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Temperatures:
    """The temperatures of the nodes that calibration titles passed, by the nodes' paths, and a common one for other nodes."""

    of_node: Mapping[Path, float] = field(default_factory=dict)
    common: float = float(np.exp(USUAL_LOG_TEMPERATURE))

    def apply(self, classifiers: Sequence[LocalClassifier]) -> list[LocalClassifier]:
        """Return the classifiers with their temperatures."""
        return [replace(each, temperature=self.of_node.get(each.node, self.common)) for each in classifiers]


@dataclass(frozen=True, slots=True)
class Unseen:
    """Classifiers, and titles that they were not trained on: features, shape (titles, features), and the titles' paths."""

    classifiers: Sequence[LocalClassifier]
    features: sparse.csr_array
    paths: Sequence[Path]


def fit_temperatures(rounds: Iterable[Unseen]) -> Temperatures:
    """Fit the temperature of each node to unseen titles, those of all rounds together."""
    titles_of: defaultdict[Path, list[_NodeTitles]] = defaultdict(list)
    for unseen in rounds:
        for classifier in unseen.classifiers:
            titles = _titles_at_node(classifier, unseen.features, unseen.paths)
            if len(titles.targets):
                titles_of[classifier.node].append(titles)
    if not titles_of:
        return Temperatures()
    everything = [titles for of_node in titles_of.values() for titles in of_node]
    common = _minimize(
        lambda log_t: sum(_loss(titles, log_t) for titles in everything) + PRIOR * (log_t - USUAL_LOG_TEMPERATURE) ** 2
    )
    return Temperatures(
        {node: float(np.exp(_log_temperature(of_node, common))) for node, of_node in titles_of.items()},
        float(np.exp(common)),
    )


def fit_mixture(scores: FloatArray, targets: NDArray[np.intp]) -> Mixture:
    """Fit the mixture so that the best category's probability says how often it is the right one.

    The probabilities of the others are not fitted: only the best one's is shown to people and compared with thresholds.

    Parameters
    ----------
    scores : shape (titles, categories).
    targets : shape (titles,): the right category's column; below 0 if it is none of them, so that every answer is wrong.
    """
    right = (targets >= 0) & (scores.max(axis=1) == scores[np.arange(len(targets)), targets])
    # With the largest score at zero, the softmax gives the best category one over the sum of the exponentials.
    below_best = _highest(scores) - scores.max(axis=1, keepdims=True)
    usual = np.array(_STARTS[0])

    def loss(values: FloatArray) -> float:
        temperature, (share, flatness) = np.exp(values[0]), expit(values[1:])
        sharp, flat = (1 / np.exp(below_best / t).sum(axis=1) for t in (temperature, temperature / flatness))
        confidence = (1 - share) * sharp + share * flat
        likelihood = np.where(right, confidence, 1 - confidence) + TINY
        distance = (values - usual) ** 2
        return float(-np.log(likelihood).mean() + distance @ (PRIOR, SHARE_PRIOR, SHARE_PRIOR) / len(right))

    options = {"xatol": 1e-3, "fatol": 1e-6}
    tries = [minimize(loss, start, method="Nelder-Mead", options=options) for start in _STARTS]
    found = min(tries, key=lambda result: result.fun).x
    temperature, (share, flatness) = np.exp(found[0]), expit(found[1:])
    return Mixture(float(temperature), float(share), float(temperature / flatness))


def _highest(scores: FloatArray) -> FloatArray:
    """Return each title's highest scores, in any order."""
    others = scores.shape[1] - _HIGHEST
    return scores if others <= 0 else np.partition(scores, others, axis=1)[:, others:]


def _titles_at_node(classifier: LocalClassifier, features: sparse.csr_array, paths: Sequence[Path]) -> _NodeTitles:
    """Return the titles that pass the node and go on to an outcome that it knows, or every n-th of them if they are many."""
    position = {outcome: index for index, outcome in enumerate(classifier.outcomes)}
    depth = max(map(len, classifier.outcomes))
    passing = [(row, position[path[:depth]]) for row, path in enumerate(paths) if path[:depth] in position]
    passing = passing[:: max(-(-len(passing) * len(position) // MAX_CELLS), 1)]
    rows = np.array([row for row, _ in passing], dtype=np.intp)
    targets = np.array([target for _, target in passing], dtype=np.intp)
    margins = classifier.margins(features[rows]) if len(rows) else np.empty((0, len(position)))
    return _NodeTitles(margins, targets)


def _loss(titles: _NodeTitles, log_temperature: float) -> float:
    """Return the summed negative log-likelihood of the right outcomes, in nats."""
    logs = log_softmax(titles.margins / np.exp(log_temperature), axis=1)
    return float(-logs[np.arange(len(titles.targets)), titles.targets].sum())


def _log_temperature(of_node: Sequence[_NodeTitles], common: float) -> float:
    """Fit a node's log-temperature, drawn towards the common one."""
    return _minimize(lambda log_t: sum(_loss(titles, log_t) for titles in of_node) + SHRINKAGE * (log_t - common) ** 2)


def _minimize(loss: Callable[[float], float]) -> float:
    return float(minimize_scalar(loss, bounds=_LOG_TEMPERATURE_BOUNDS, method="bounded", options={"xatol": 1e-3}).x)
