"""Calibration: from margins to probabilities that can be believed, on titles that the classifiers have not seen.

Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", 2017) of every node, drawn towards the
temperature that fits all nodes together where a node has few titles; then the numbers of the mixture (see ``mixture``). All are
fitted by minimising the negative log-likelihood, with weak priors for small sites.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_softmax

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.mixture import Mixture
from ad_autocategorize.titles.training.cascade import LocalClassifier

FloatArray = NDArray[np.float64]

# How many titles the common temperature counts for in a node's own fit.
SHRINKAGE = 10.0
# What a common temperature e times the usual one costs, in nats; likewise a mixture's temperature e times 1. Where a few titles
# are all filed rightly nothing else would keep them finite.
PRIOR = 4.0
USUAL_LOG_TEMPERATURE = -0.5
# Shares are less well known beforehand: what a unit of their log-odds costs.
SHARE_PRIOR = 0.1
TINY = 1e-12
# Where the search for the mixture begins, in the logarithm of its temperature and the log-odds of share and flatness: the usual
# values, and a small share that is very flat. From either alone it ends in a hollow on some sites.
_STARTS = ((0.0, -1.0, 0.0), (0.0, -3.0, -2.0))
# So many of a title's scores are added up; the others are next to nothing.
_HIGHEST = 128
# Titles times outcomes that a node's temperature is fitted to, at most.
MAX_CELLS = 2**21
_LOG_TEMPERATURE_BOUNDS = (-4.0, 4.0)

_Case = tuple[FloatArray, NDArray[np.intp]]


@dataclass(frozen=True, slots=True)
class Temperatures:
    """A temperature for the nodes that calibration titles passed through, by path, and one for all others."""

    of_node: Mapping[Path, float] = field(default_factory=dict)
    common: float = float(np.exp(USUAL_LOG_TEMPERATURE))

    def apply(self, classifiers: Sequence[LocalClassifier]) -> list[LocalClassifier]:
        """Return the classifiers with their temperatures."""
        return [replace(each, temperature=self.of_node.get(each.node, self.common)) for each in classifiers]


@dataclass(frozen=True, slots=True)
class Unseen:
    """Classifiers, and titles that they were not trained on: ``features`` by row, and the paths they are filed at."""

    classifiers: Sequence[LocalClassifier]
    features: sparse.csr_array
    paths: Sequence[Path]


def fit_temperatures(rounds: Iterable[Unseen]) -> Temperatures:
    """Fit the temperatures to titles unseen in training, those of all rounds together."""
    cases: defaultdict[Path, list[_Case]] = defaultdict(list)
    for unseen in rounds:
        for classifier in unseen.classifiers:
            case = _case(classifier, unseen.features, unseen.paths)
            if len(case[1]):
                cases[classifier.node].append(case)
    if not cases:
        return Temperatures()
    seen = [case for of_node in cases.values() for case in of_node]
    common = _minimize(
        lambda log_t: sum(_loss(case, log_t) for case in seen) + PRIOR * (log_t - USUAL_LOG_TEMPERATURE) ** 2
    )
    return Temperatures(
        {node: float(np.exp(_node_temperature(of_node, common))) for node, of_node in cases.items()},
        float(np.exp(common)),
    )


def fit_mixture(scores: FloatArray, targets: NDArray[np.intp]) -> Mixture:
    """Fit the shape of the distribution to scores of shape (titles, categories) and the right categories, some below 0: unknown.

    What is fitted is whether the best category is the right one, since its probability is what people and thresholds read.
    """
    # Only the best category's probability is wanted: with the largest score at zero it is one over a sum.
    right = (targets >= 0) & (scores.max(axis=1) == scores[np.arange(len(targets)), targets])
    lower = _highest(scores) - scores.max(axis=1, keepdims=True)
    usual = np.array(_STARTS[0])

    def loss(values: FloatArray) -> float:
        temperature, (share, flatness) = np.exp(values[0]), expit(values[1:])
        sharp, flat = (1 / np.exp(lower / t).sum(axis=1) for t in (temperature, temperature / flatness))
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


def _case(classifier: LocalClassifier, features: sparse.csr_array, paths: Sequence[Path]) -> _Case:
    """Return margins and right outcomes of the titles that reach the node and go on to an outcome it knows."""
    position = {outcome: index for index, outcome in enumerate(classifier.outcomes)}
    depth = max(map(len, classifier.outcomes))
    reached = [(row, position[path[:depth]]) for row, path in enumerate(paths) if path[:depth] in position]
    # One number needs no more of them to be fitted to.
    reached = reached[:: max(-(-len(reached) * len(position) // MAX_CELLS), 1)]
    rows = np.array([row for row, _ in reached], dtype=np.intp)
    targets = np.array([target for _, target in reached], dtype=np.intp)
    return (classifier.margins(features[rows]) if len(rows) else np.empty((0, len(position)))), targets


def _loss(case: _Case, log_temperature: float) -> float:
    margins, targets = case
    return float(-log_softmax(margins / np.exp(log_temperature), axis=1)[np.arange(len(targets)), targets].sum())


def _node_temperature(cases: Sequence[_Case], common: float) -> float:
    return _minimize(lambda log_t: sum(_loss(case, log_t) for case in cases) + SHRINKAGE * (log_t - common) ** 2)


def _minimize(loss: Callable[[float], float]) -> float:
    return float(minimize_scalar(loss, bounds=_LOG_TEMPERATURE_BOUNDS, method="bounded", options={"xatol": 1e-3}).x)
