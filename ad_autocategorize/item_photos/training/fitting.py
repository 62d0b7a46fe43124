"""Fitting the photo classifier and the fusion. NumPy and SciPy.

The classifier is a linear discriminant analysis whose parts are both shrunk, since most categories have few photos: the common
covariance towards a multiple of the identity (Friedman, "Regularized Discriminant Analysis", 1989), and the mean of each
category towards that of its parent, from the root down (McCallum, Rosenfeld, Mitchell and Ng, "Improving Text Classification by
Shrinkage in a Hierarchy of Classes", 1998). A category without photos has its parent's mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit

from ad_autocategorize.item_photos.classifier import PhotoClassifier, log_softmax
from ad_autocategorize.item_photos.fusion import (
    LARGEST_WEIGHT,
    Confidence,
    Fusion,
    entropy,
    log_title,
    parts_of,
)
from ad_autocategorize.item_photos.training.sums import ClassSums, FloatArray
from ad_autocategorize.titles.hierarchy import Path

# Photos that a category is said to have in it more than it has, like those of no category in particular.
PRIOR_PHOTOS = 0.5
# Where the search for the weights begins, and what it costs to leave it by a factor of e, in units of one ad's loss.
USUAL_WEIGHTS = (0.9, 0.5)
WEIGHT_PRIOR = 2.0
# An entropy weight of this costs as much; the usual one is 0. Its gain comes by chance in one of twenty sites where twice the
# logarithm of the likelihood ratio is beyond the last, of a chi-squared distribution with one degree of freedom.
USUAL_ENTROPY_WEIGHT = 0.1
LIKELIHOOD_RATIO = 3.84
# What a unit in a confidence's numbers costs, in nats.
CONFIDENCE_PRIOR = 2.0
_LOG_TEMPERATURE_BOUNDS = (-2.0, 6.0)


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """How far the classifier's parts are shrunk.

    Attributes
    ----------
    covariance : from 0, as it is, to 1, a multiple of the identity.
    parent : how many photos a parent's mean counts for beside a category's own.
    """

    covariance: float
    parent: float


# Tried in this order; the first stays where no other is better.
CANDIDATES = tuple(Shrinkage(covariance, parent) for covariance in (0.8, 0.9, 0.6) for parent in (20.0, 5.0))


def fit_classifier(sums: ClassSums, categories: Sequence[Path], shrinkage: Shrinkage) -> PhotoClassifier:
    """Return the classifier of photos that were added up, not calibrated yet."""
    total = sums.weights.sum()
    centre = sums.sums.sum(axis=0) / total
    own = sums.sums - sums.weights[:, None] * centre
    means = _shrunk_means(own, sums.weights, categories, shrinkage.parent)
    across = own.T @ means
    within = sums.scatter - total * np.outer(centre, centre) - across - across.T
    within += (means * sums.weights[:, None]).T @ means
    within /= total
    width = len(within)
    level = np.trace(within) / width
    shrunk = (1 - shrinkage.covariance) * within + shrinkage.covariance * level * np.eye(width)
    # Photos that are all the same leave nothing to divide by.
    shrunk += (1e-6 * level + 1e-9) * np.eye(width)
    coefficients = np.linalg.solve(shrunk, means.T).T
    priors = np.log((sums.weights + PRIOR_PHOTOS) / (total + PRIOR_PHOTOS * len(categories)))
    intercepts = priors - (coefficients * means).sum(axis=1) / 2 - coefficients @ centre
    return PhotoClassifier(tuple(categories), coefficients.astype(np.float32), intercepts.astype(np.float32))


def _shrunk_means(own: FloatArray, weights: FloatArray, categories: Sequence[Path], parent: float) -> FloatArray:
    """Return each category's mean, drawn towards those above it; the root's is zero."""
    below: dict[Path, list[int]] = {}
    for column, path in enumerate(categories):
        for depth in range(1, len(path) + 1):
            below.setdefault(path[:depth], []).append(column)
    branches: dict[Path, FloatArray] = {(): np.zeros(own.shape[1])}
    for path in sorted(below, key=len):
        members = below[path]
        branches[path] = (own[members].sum(axis=0) + parent * branches[path[:-1]]) / (weights[members].sum() + parent)
    result = np.empty_like(own)
    for column, path in enumerate(categories):
        result[column] = branches[path]
        if len(below[path]) > 1:
            # Ads that stop at an inner category: its branch holds those of the categories below it too.
            result[column] = (own[column] + parent * branches[path]) / (weights[column] + parent)
    return result


def calibrate(classifier: PhotoClassifier, temperature: float) -> PhotoClassifier:
    """Return the classifier with its scores divided by a temperature."""
    return PhotoClassifier(
        classifier.categories,
        (classifier.coefficients / temperature).astype(np.float32),
        (classifier.intercepts / temperature).astype(np.float32),
    )


def fit_temperature(scores: FloatArray, targets: NDArray[np.intp]) -> float:
    """Return the temperature of least log loss (Guo et al., 2017)."""
    rows = np.arange(len(targets))

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(scores / np.exp(log_temperature))[rows, targets].mean())

    found = minimize_scalar(loss, bounds=_LOG_TEMPERATURE_BOUNDS, method="bounded", options={"xatol": 1e-2})
    return float(np.exp(found.x))


@dataclass(frozen=True, slots=True)
class FittedFusion:
    """A fusion, and the mean loss of the ads that it was fitted to."""

    fusion: Fusion
    loss: float


def fit_fusion(title: FloatArray, photos: FloatArray, targets: NDArray[np.intp]) -> FittedFusion:
    """Fit the fusion to ads that neither side has learned from.

    Photos weigh more where the title leaves more open only if the ads surely say so, by a likelihood-ratio test.

    Parameters
    ----------
    title, photos : probabilities and log-probabilities, both of shape (ads, categories).
    targets : shape (ads,): the right category of each.
    """
    plain, bent = (_fit_weights(title, photos, targets, bent=bent) for bent in (False, True))
    weights, loss = bent if 2 * (plain[1] - bent[1]) > LIKELIHOOD_RATIO else plain
    fusion = Fusion(*weights, Confidence(), fit_confidence(photos, targets))
    fusion = replace(fusion, together=fit_confidence(fusion.scores(title, photos), targets))
    return FittedFusion(fusion, loss / len(targets))


def _fit_weights(
    title: FloatArray, photos: FloatArray, targets: NDArray[np.intp], *, bent: bool
) -> tuple[tuple[float, float, float], float]:
    """Return the three weights of least loss, and that loss; the last is 0 unless it is ``bent``."""
    logs, rows, openness = log_title(title), np.arange(len(targets)), entropy(title)
    usual = np.array([*np.log(USUAL_WEIGHTS), 0.0])
    scale = np.array([1.0, 1.0, USUAL_ENTROPY_WEIGHT])

    def objective(values: FloatArray) -> tuple[float, FloatArray]:
        title_weight, photo_weight = np.exp(values[:2])
        said = log_softmax(title_weight * logs + (photo_weight + values[2] * openness)[:, None] * photos)
        sure = np.exp(said)
        by_title, by_photo = (part[rows, targets] - (sure * part).sum(axis=1) for part in (logs, photos))
        slopes = title_weight * by_title.sum(), photo_weight * by_photo.sum(), openness @ by_photo
        distance = (values - usual) / scale
        loss = -said[rows, targets].sum() + WEIGHT_PRIOR * distance @ distance
        return float(loss), np.asarray(2 * WEIGHT_PRIOR * distance / scale - np.array(slopes))

    highest = float(np.log(LARGEST_WEIGHT))
    bounds = [(-5.0, highest), (-5.0, highest), (0.0, 1.0 if bent else 0.0)]
    found = minimize(objective, usual, jac=True, method="L-BFGS-B", bounds=bounds)
    title_weight, photo_weight = np.exp(found.x[:2]).tolist()
    return (title_weight, photo_weight, float(found.x[2])), float(found.fun)


def fit_confidence(scores: FloatArray, targets: NDArray[np.intp]) -> Confidence:
    """Fit how sure the best category is, to scores of shape (ads, categories) and the right categories, shape (ads,).

    What is fitted is whether the best category is the right one, since its probability is what people and thresholds read.
    """
    best, odds, lead, _ = parts_of(scores)
    features = np.stack([np.ones(len(best)), odds, lead])
    sign = np.where(best == targets, 1.0, -1.0)
    usual = np.array([0.0, 1.0, 0.0])

    def objective(values: FloatArray) -> tuple[float, FloatArray]:
        margins = sign * (values @ features)
        distance = values - usual
        loss = np.logaddexp(0, -margins).sum() + CONFIDENCE_PRIOR * distance @ distance
        return float(loss), np.asarray(2 * CONFIDENCE_PRIOR * distance - features @ (sign * expit(-margins)))

    bounds = [(-10.0, 10.0), (0.0, 10.0), (0.0, 10.0)]
    return Confidence(*minimize(objective, usual, jac=True, method="L-BFGS-B", bounds=bounds).x.tolist())
