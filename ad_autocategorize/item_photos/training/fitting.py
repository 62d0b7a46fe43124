"""Fitting the photo classifier and the fusion. NumPy and SciPy.

The classifier is a linear discriminant analysis (LDA). Most categories have few photos, so that both of its parts are shrunk: the
common covariance towards a multiple of the identity (Friedman, "Regularized Discriminant Analysis", 1989), and the mean of each
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

# The pseudo-count of photos that each category has in its prior.
PRIOR_PHOTOS = 0.5
# Where the search for the weights of title and photos begins, and the weight of the penalty on the squared distances of their
# logarithms from there, in units of one ad's loss.
USUAL_WEIGHTS = (0.9, 0.5)
WEIGHT_PRIOR = 2.0
# The entropy weight is 0 by default; one of this much has the penalty of a weight that is off by a factor of e.
ENTROPY_WEIGHT_SCALE = 0.1
# The entropy weight is used if twice the log of the likelihood ratio is above this: the 5 % limit of a chi-squared
# distribution with one degree of freedom.
LIKELIHOOD_RATIO = 3.84
# The weight of the penalty on the squared distance of a confidence's numbers from (0, 1, 0), in nats.
CONFIDENCE_PRIOR = 2.0
_LOG_TEMPERATURE_BOUNDS = (-2.0, 6.0)


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """How far the classifier's parts are shrunk.

    Attributes
    ----------
    covariance : how far the covariance is shrunk, from 0 (not at all) to 1 (a multiple of the identity).
    parent : the mean of a category's parent counts as much as so many photos of its own.
    """

    covariance: float
    parent: float


# Tried in this order; of equally good ones the first is taken.
CANDIDATES = tuple(Shrinkage(covariance, parent) for covariance in (0.8, 0.9, 0.6) for parent in (20.0, 5.0))


def fit_classifier(sums: ClassSums, categories: Sequence[Path], shrinkage: Shrinkage) -> PhotoClassifier:
    """Return the classifier that photos give, summed by category; it is not calibrated."""
    total = sums.weights.sum()
    centre = sums.sums.sum(axis=0) / total
    # From here on embeddings are relative to the centre of all of them.
    own = sums.sums - sums.weights[:, None] * centre
    means = _shrunk_means(own, sums.weights, categories, shrinkage.parent)
    # The scatter within categories: the sum of (x - mean)(x - mean)' over all photos, multiplied out.
    across = own.T @ means
    within = sums.scatter - total * np.outer(centre, centre) - across - across.T
    within += (means * sums.weights[:, None]).T @ means
    within /= total
    width = len(within)
    level = np.trace(within) / width
    shrunk = (1 - shrinkage.covariance) * within + shrinkage.covariance * level * np.eye(width)
    # Keeps the matrix invertible if all photos are the same.
    shrunk += (1e-6 * level + 1e-9) * np.eye(width)
    coefficients = np.linalg.solve(shrunk, means.T).T
    priors = np.log((sums.weights + PRIOR_PHOTOS) / (total + PRIOR_PHOTOS * len(categories)))
    intercepts = priors - (coefficients * means).sum(axis=1) / 2 - coefficients @ centre
    return PhotoClassifier(tuple(categories), coefficients.astype(np.float32), intercepts.astype(np.float32))


def _shrunk_means(own: FloatArray, weights: FloatArray, categories: Sequence[Path], parent: float) -> FloatArray:
    """Return the mean of each category, shrunk towards those above it, shape (categories, width). The root's mean is zero.

    ``own`` are the weighted sums of the categories' embeddings, of the same shape; ``weights`` the sums of the weights.
    """
    # By category path: the columns of the categories at or below it.
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
            # An inner category has ads of its own too: its mean is shrunk towards that of its branch, which includes those below.
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

    The entropy weight, by which photos weigh more if the title leaves more open, is 0 unless a likelihood-ratio test speaks
    for it.

    Parameters
    ----------
    title, photos : probabilities and log-probabilities, both of shape (ads, categories).
    targets : shape (ads,): the right category of each.
    """
    plain, with_entropy = (_fit_weights(title, photos, targets, with_entropy=each) for each in (False, True))
    chosen = with_entropy if 2 * (plain.loss - with_entropy.loss) > LIKELIHOOD_RATIO else plain
    fusion = Fusion(chosen.title, chosen.photo, chosen.entropy, Confidence(), fit_confidence(photos, targets))
    fusion = replace(fusion, together=fit_confidence(fusion.scores(title, photos), targets))
    return FittedFusion(fusion, chosen.loss / len(targets))


@dataclass(frozen=True, slots=True)
class _Weights:
    """The weights of a fusion, and their loss, penalty included, summed over ads."""

    title: float
    photo: float
    entropy: float
    loss: float


def _fit_weights(title: FloatArray, photos: FloatArray, targets: NDArray[np.intp], *, with_entropy: bool) -> _Weights:
    """Return the weights of least loss; the entropy weight is 0 unless ``with_entropy``."""
    logs, rows, openness = log_title(title), np.arange(len(targets)), entropy(title)
    usual = np.array([*np.log(USUAL_WEIGHTS), 0.0])
    scale = np.array([1.0, 1.0, ENTROPY_WEIGHT_SCALE])

    # ``values`` are the logarithms of the weights of title and photos, and the entropy weight itself.
    def objective(values: FloatArray) -> tuple[float, FloatArray]:
        title_weight, photo_weight = np.exp(values[:2])
        fused = log_softmax(title_weight * logs + (photo_weight + values[2] * openness)[:, None] * photos)
        probabilities = np.exp(fused)
        # The slope of the right category's log-probability by the factor of each part.
        by_title, by_photo = (part[rows, targets] - (probabilities * part).sum(axis=1) for part in (logs, photos))
        slopes = title_weight * by_title.sum(), photo_weight * by_photo.sum(), openness @ by_photo
        distance = (values - usual) / scale
        loss = -fused[rows, targets].sum() + WEIGHT_PRIOR * distance @ distance
        return float(loss), np.asarray(2 * WEIGHT_PRIOR * distance / scale - np.array(slopes))

    highest = float(np.log(LARGEST_WEIGHT))
    bounds = [(-5.0, highest), (-5.0, highest), (0.0, 1.0 if with_entropy else 0.0)]
    found = minimize(objective, usual, jac=True, method="L-BFGS-B", bounds=bounds)
    title_weight, photo_weight = np.exp(found.x[:2]).tolist()
    return _Weights(title_weight, photo_weight, float(found.x[2]), float(found.fun))


def fit_confidence(scores: FloatArray, targets: NDArray[np.intp]) -> Confidence:
    """Fit a confidence so that the best category's probability says how often it is the right one.

    ``scores`` are of shape (ads, categories); ``targets``, shape (ads,), are the right categories.
    """
    parts = parts_of(scores)
    features = np.stack([np.ones(len(targets)), parts.log_odds, parts.lead])
    sign = np.where(parts.best == targets, 1.0, -1.0)
    usual = np.array([0.0, 1.0, 0.0])

    def objective(values: FloatArray) -> tuple[float, FloatArray]:
        margins = sign * (values @ features)
        distance = values - usual
        loss = np.logaddexp(0, -margins).sum() + CONFIDENCE_PRIOR * distance @ distance
        return float(loss), np.asarray(2 * CONFIDENCE_PRIOR * distance - features @ (sign * expit(-margins)))

    bounds = [(-10.0, 10.0), (0.0, 10.0), (0.0, 10.0)]
    return Confidence(*minimize(objective, usual, jac=True, method="L-BFGS-B", bounds=bounds).x.tolist())
