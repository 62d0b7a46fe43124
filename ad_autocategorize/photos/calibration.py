"""Confidences that can be believed, and the thresholds under which a field stays empty; NumPy alone but for fitting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.vocabularies import BoolArray

Confidences = NDArray[np.floating]

FOLDS = 5
BINS = 10
# A threshold that no confidence reaches: the field always stays empty.
NEVER = 1.01
# Fewer answers than this say nothing of a precision.
SMALLEST_SUPPORT = 10
_FLOOR = 1e-4


@dataclass(frozen=True, slots=True)
class Calibration:
    """A monotonous map from a head's highest probability to the share of answers that are right.

    A temperature T maps p to the logistic function of logit(p) / T + shift; histogram binning and isotonic regression are
    given by points between which the map is linear.
    """

    method: str
    temperature: float = 1.0
    shift: float = 0.0
    points: tuple[tuple[float, float], ...] = ()

    def __call__(self, confidence: Confidences) -> Confidences:
        """Return calibrated confidences, between 0 and 1."""
        if self.points:
            x, y = np.array(self.points).T
            mapped: Confidences = np.interp(confidence, x, y)
            return mapped
        # The logistic function in a form that never overflows.
        scaled: Confidences = (1 + np.tanh((_logit(confidence) / self.temperature + self.shift) / 2)) / 2
        return scaled

    def to_dict(self) -> dict[str, Any]:
        """Return it in JSON's types."""
        return {
            "method": self.method,
            "temperature": self.temperature,
            "shift": self.shift,
            "points": [list(point) for point in self.points],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Calibration:
        """Read what ``to_dict`` gave."""
        points = tuple((float(x), float(y)) for x, y in document["points"])
        return cls(str(document["method"]), float(document["temperature"]), float(document["shift"]), points)


def fit_calibration(confidence: Confidences, right: BoolArray) -> tuple[Calibration, dict[str, float]]:
    """Return the method of the lowest cross-validated log loss, fitted on everything, and every method's loss.

    Parameters
    ----------
    confidence, right : the highest probability of each answer and whether it is right, both of shape (answers,).
    """
    plain = Calibration("none")
    if len(right) < 2 * FOLDS or right.all() or not right.any():
        return plain, {}
    fold = np.random.default_rng(0).permutation(len(right)) % FOLDS
    losses = {"none": _log_loss(confidence, right)}
    for name, fit in _METHODS.items():
        held_out = np.zeros(len(right))
        for number in range(FOLDS):
            kept = fold != number
            held_out[~kept] = fit(confidence[kept], right[kept])(confidence[~kept])
        losses[name] = _log_loss(held_out, right)
    best = min(losses, key=losses.__getitem__)
    return (plain if best == "none" else _METHODS[best](confidence, right)), losses


def fit_threshold(confidence: Confidences, right: BoolArray, precision: float) -> float:
    """Return the lowest confidence from which on answers have the precision; ``NEVER`` where none has."""
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence = confidence[order]
    reached = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    # Answers of equal confidence are accepted together.
    last_of_ties = np.append(sorted_confidence[1:] < sorted_confidence[:-1], True)
    good = np.flatnonzero((reached >= precision) & last_of_ties & (np.arange(1, len(order) + 1) >= SMALLEST_SUPPORT))
    return float(sorted_confidence[good[-1]]) if len(good) else NEVER


def coverage_at(confidence: Confidences, right: BoolArray, precision: float) -> float:
    """Return the share of answers that may be accepted for the precision to hold."""
    return float((confidence >= fit_threshold(confidence, right, precision)).mean()) if len(right) else 0.0


def expected_calibration_error(confidence: Confidences, right: BoolArray, bins: int = BINS) -> float:
    """Return the mean gap between confidence and accuracy over bins of equal width, weighted by their answers."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, confidence - right, bins)
    return float(np.abs(gaps).sum() / max(1, len(right)))


def _fit_temperature(confidence: Confidences, right: BoolArray) -> Calibration:
    from scipy.optimize import minimize

    logits = _logit(confidence)

    def loss(parameters: NDArray[np.floating]) -> float:
        margin = (logits / np.exp(parameters[0]) + parameters[1]) * np.where(right, 1, -1)
        return float(np.logaddexp(0, -margin).mean())

    found = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    return Calibration("temperature", float(np.exp(found[0])), float(found[1]))


def _fit_histogram(confidence: Confidences, right: BoolArray) -> Calibration:
    # Bins of equal counts; the ends are held so that every confidence has a value.
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    points = [(float(confidence[part].mean()), _smoothed(right[part])) for part in parts]
    rising = np.maximum.accumulate([value for _, value in points])
    return Calibration("histogram", points=tuple((x, float(y)) for (x, _), y in zip(points, rising, strict=True)))


def _fit_isotonic(confidence: Confidences, right: BoolArray) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=_FLOOR, y_max=1 - _FLOOR, out_of_bounds="clip").fit(confidence, right)
    points = zip(model.X_thresholds_, model.y_thresholds_, strict=True)
    return Calibration("isotonic", points=tuple((float(x), float(y)) for x, y in points))


_METHODS: dict[str, Callable[[Confidences, BoolArray], Calibration]] = {
    "temperature": _fit_temperature,
    "histogram": _fit_histogram,
    "isotonic": _fit_isotonic,
}


def _smoothed(right: BoolArray) -> float:
    return float((right.sum() + 0.5) / (len(right) + 1))


def _logit(probability: Confidences) -> Confidences:
    clipped = np.clip(probability, _FLOOR, 1 - _FLOOR)
    result: Confidences = np.log(clipped / (1 - clipped))
    return result


def _log_loss(confidence: Confidences, right: BoolArray) -> float:
    clipped = np.clip(confidence, _FLOOR, 1 - _FLOOR)
    return float(-np.log(np.where(right, clipped, 1 - clipped)).mean())
