"""Calibration: from margins to probabilities that can be believed, on titles that the classifiers have not seen.

Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", 2017) of every node, drawn towards the
temperature that fits all nodes together where a node has few titles; then the numbers of the
mixture (see ``mixture``). All are fitted by minimising the negative log-likelihood, with weak priors for small sites.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

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
# What a common temperature e times the usual one costs, in nats; likewise a sharpness e times 1. Where a few titles are all
# filed rightly nothing else would keep them finite.
PRIOR = 4.0
USUAL_LOG_TEMPERATURE = 0.5
# Shares are less well known beforehand: what a unit of their log-odds costs.
SHARE_PRIOR = 0.1
TINY = 1e-12
# Three numbers need no more titles than this.
MAX_MIXTURE_TITLES = 5_000
_LOG_TEMPERATURE_BOUNDS = (-4.0, 4.0)


def calibrate_temperatures(
    classifiers: Sequence[LocalClassifier], features: sparse.csr_array, paths: Sequence[Path]
) -> list[LocalClassifier]:
    """Return the classifiers with temperatures fitted on titles unseen in training."""
    cases = [_cases(classifier, features, paths) for classifier in classifiers]
    seen = [case for case in cases if len(case[1])]
    if not seen:
        return list(classifiers)
    common = _minimize(
        lambda log_t: sum(_loss(case, log_t) for case in seen) + PRIOR * (log_t - USUAL_LOG_TEMPERATURE) ** 2
    )
    return [
        replace(classifier, temperature=float(np.exp(_node_temperature(case, common))))
        for classifier, case in zip(classifiers, cases, strict=True)
    ]


def fit_mixture(scores: FloatArray, targets: NDArray[np.intp]) -> Mixture:
    """Fit the shape of the distribution to scores of shape (titles, categories) and the right categories.

    What is fitted is whether the best category is the right one, since its probability is what people and thresholds read.
    """
    every = -(-len(targets) // MAX_MIXTURE_TITLES)
    scores, targets = scores[::every], targets[::every]
    rows, start = np.arange(len(targets)), np.array([0.0, -1.0, 0.0])
    # Only the best category's probability is wanted: with the largest score at zero it is one over a sum.
    lower = scores - scores.max(axis=1, keepdims=True)
    right = lower[rows, targets] == 0

    def loss(values: FloatArray) -> float:
        sharper, (share, flatness) = np.exp(values[0]), expit(values[1:])
        sharp, flat = (1 / np.exp(scale * lower).sum(axis=1) for scale in (sharper, sharper * flatness))
        confidence = (1 - share) * sharp + share * flat
        likelihood = np.where(right, confidence, 1 - confidence) + TINY
        from_start = (values - start) ** 2
        return float(-np.log(likelihood).mean() + from_start @ (PRIOR, SHARE_PRIOR, SHARE_PRIOR) / len(right))

    found = _search(loss, start)
    share, flatness = expit(found[1:])
    return Mixture(float(np.exp(found[0])), float(share), float(flatness))


def _search(loss: Callable[[FloatArray], float], start: FloatArray) -> FloatArray:
    return np.asarray(minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-5}).x)


_Case = tuple[FloatArray, NDArray[np.intp]]


def _cases(classifier: LocalClassifier, features: sparse.csr_array, paths: Sequence[Path]) -> _Case:
    """Return margins and right outcomes of the titles that reach the node and go on to an outcome it knows."""
    position = {outcome: index for index, outcome in enumerate(classifier.outcomes)}
    depth = max(map(len, classifier.outcomes))
    reached = [(row, position[path[:depth]]) for row, path in enumerate(paths) if path[:depth] in position]
    rows = np.array([row for row, _ in reached], dtype=np.intp)
    targets = np.array([target for _, target in reached], dtype=np.intp)
    return (classifier.margins(features[rows]) if len(rows) else np.empty((0, len(position)))), targets


def _loss(case: _Case, log_temperature: float) -> float:
    margins, targets = case
    return float(-log_softmax(margins * np.exp(log_temperature), axis=1)[np.arange(len(targets)), targets].sum())


def _node_temperature(case: _Case, common: float) -> float:
    if not len(case[1]):
        return common
    return _minimize(lambda log_t: _loss(case, log_t) + SHRINKAGE * (log_t - common) ** 2)


def _minimize(loss: Callable[[float], float]) -> float:
    return float(minimize_scalar(loss, bounds=_LOG_TEMPERATURE_BOUNDS, method="bounded", options={"xatol": 1e-3}).x)
