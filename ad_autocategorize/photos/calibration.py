"""Calibration of a head's probabilities. NumPy alone, except for fitting, which needs SciPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.vocabularies import BoolArray

Confidences = NDArray[np.floating]

# With fewer answers nothing is fitted.
FEWEST_ANSWERS = 10
# Probabilities are clipped to this distance from 0 and 1, so that their logits are finite.
_FLOOR = 1e-4


@dataclass(frozen=True, slots=True)
class Calibration:
    """A monotone map from the probability of a head's best answer to the probability that it is right.

    It maps p to the logistic function of logit(p) / temperature + shift (Platt, 1999).
    """

    temperature: float = 1.0
    shift: float = 0.0

    def __call__(self, confidence: Confidences) -> Confidences:
        """Return calibrated confidences, between 0 and 1."""
        # The logistic function in a form that never overflows.
        scaled: Confidences = (1 + np.tanh((_logit(confidence) / self.temperature + self.shift) / 2)) / 2
        return scaled

    def to_dict(self) -> dict[str, Any]:
        """Return the calibration in JSON's types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Calibration:
        """Make a calibration of what ``to_dict`` returned. Raises ``KeyError``, ``TypeError`` and ``ValueError``."""
        temperature, shift = float(document["temperature"]), float(document["shift"])
        if not (0 < temperature < np.inf and np.isfinite(shift)):
            raise ValueError("a calibration needs a temperature above 0 and a finite shift")
        return cls(temperature, shift)


def fit_calibration(confidence: Confidences, right: BoolArray) -> Calibration:
    """Return the map of the lowest log loss; the identity if answers are few, all right, or all wrong.

    Parameters
    ----------
    confidence, right : the probability of each answer and whether it is right, both of shape (answers,).
    """
    from scipy.optimize import minimize

    if len(right) < FEWEST_ANSWERS or right.all() or not right.any():
        return Calibration()
    logits = _logit(confidence)

    def loss(parameters: NDArray[np.floating]) -> float:
        margin = (logits / np.exp(parameters[0]) + parameters[1]) * np.where(right, 1, -1)
        # A penalty on the distance from the identity: without it, few answers would make the map a step.
        return float(np.logaddexp(0, -margin).mean() + (parameters**2).sum() / len(right))

    found = minimize(loss, np.zeros(2), method="Nelder-Mead").x
    return Calibration(float(np.exp(found[0])), float(found[1]))


def _logit(probability: Confidences) -> Confidences:
    clipped = np.clip(probability, _FLOOR, 1 - _FLOOR)
    result: Confidences = np.log(clipped / (1 - clipped))
    return result
