"""Late fusion: what the title says and what the photos say, as one probability of each category."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Added to a title's probabilities: one that rules a category out altogether would leave the photos no say.
SMALLEST_PROBABILITY = 1e-5
LARGEST_WEIGHT = 100.0
# Scores so far below the best are next to nothing, and exp() still tells them from zero.
_LARGEST_LEAD = 100.0
# By so much at least the best category stays ahead, beyond what rounding could undo.
_AHEAD = 1e-9


@dataclass(frozen=True, slots=True)
class Confidence:
    """How sure the best category is: ``sigmoid(intercept + sureness * logit(p) + lead * log(p / q))``.

    ``p`` and ``q`` are what a softmax of the scores gives the best and the second best category. Platt's scaling ("Probabilistic
    Outputs for Support Vector Machines", 1999) with a second term: among ads that are as sure, those whose second best is far
    behind are right more often than those between two categories.
    """

    intercept: float = 0.0
    sureness: float = 1.0
    lead: float = 0.0

    def apply(self, scores: FloatArray) -> FloatArray:
        """Return probabilities for scores, both of shape (ads, categories), two at least; the order of categories stays."""
        best, odds, lead, shares = parts_of(scores)
        sure = 1 / (1 + np.exp(-(self.intercept + self.sureness * odds + self.lead * lead)))
        # The best stays the best, however unsure.
        second = shares.max(axis=1)
        sure = np.maximum(sure, second / (1 + second) + _AHEAD)
        probabilities = shares * (1 - sure)[:, None]
        probabilities[np.arange(len(best)), best] = sure
        return np.asarray(probabilities)


def parts_of(scores: FloatArray) -> tuple[NDArray[np.intp], FloatArray, FloatArray, FloatArray]:
    """Return what a confidence is made of, for scores of shape (ads, categories).

    The best category, the log-odds of a softmax's probability of it, how far the second best is behind it, all of shape (ads,),
    and what is left to the others by a softmax among them, 0 for the best, of shape (ads, categories).
    """
    best = scores.argmax(axis=1)
    rows = np.arange(len(best))
    shifted = np.maximum(scores - scores[rows, best][:, None], -_LARGEST_LEAD)
    powers = np.exp(shifted)
    powers[rows, best] = 0
    others = powers.sum(axis=1)
    return best, -np.log(others), -np.log(powers.max(axis=1)), powers / others[:, None]


@dataclass(frozen=True, slots=True)
class Fusion:
    """How title and photos combine: ``title_weight * log P(path | title) + w * log P(path | photos)``.

    Attributes
    ----------
    title_weight : fitted, as all the others, to ads that neither side has learned from.
    photo_weight, entropy_weight : ``w = photo_weight + entropy_weight * H``, where H is the entropy of P(path | title) in nats:
        photos weigh more where the title leaves more open.
    together, alone : make probabilities of these scores, and of the photos' own where the title says nothing.
    """

    title_weight: float
    photo_weight: float
    entropy_weight: float
    together: Confidence
    alone: Confidence

    def combine(self, title: FloatArray, photos: FloatArray) -> FloatArray:
        """Return probabilities of the categories, for ads with title and photos.

        Parameters
        ----------
        title : probabilities, shape (ads, categories).
        photos : log-probabilities, of the same shape.
        """
        return self.together.apply(self.scores(title, photos))

    def scores(self, title: FloatArray, photos: FloatArray) -> FloatArray:
        """Return the weighted sum of both, before it is made probabilities; of the same shape."""
        weights = self.photo_weight + self.entropy_weight * entropy(title)
        return np.asarray(self.title_weight * log_title(title) + weights[:, None] * photos)

    def photos_alone(self, photos: FloatArray) -> FloatArray:
        """Return probabilities for ads whose title says nothing, from log-probabilities of shape (ads, categories)."""
        return self.alone.apply(photos)

    def to_dict(self) -> dict[str, Any]:
        """Return it in JSON's types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Fusion:
        """Read what ``to_dict`` gave. Raises ``KeyError``, ``TypeError`` and ``ValueError``."""
        title, photo, by_entropy = _numbers(document, "title_weight", "photo_weight", "entropy_weight")
        if min(title, photo, by_entropy) < 0:
            raise ValueError(f"weights of {title}, {photo} and {by_entropy}")
        together, alone = (
            Confidence(*_numbers(document[name], "intercept", "sureness", "lead")) for name in ("together", "alone")
        )
        return cls(title, photo, by_entropy, together, alone)


def log_title(probabilities: FloatArray) -> FloatArray:
    """Return the logarithms of a title's probabilities, of the same shape, bounded from below."""
    return np.asarray(np.log(probabilities + SMALLEST_PROBABILITY))


def entropy(probabilities: FloatArray) -> FloatArray:
    """Return the entropy in nats of probabilities of shape (ads, categories)."""
    return np.asarray(-(probabilities * log_title(probabilities)).sum(axis=1))


def _numbers(document: Mapping[str, Any], *names: str) -> list[float]:
    values = [float(document[name]) for name in names]
    # Not a number is no more than any other.
    if not all(abs(value) <= LARGEST_WEIGHT for value in values):
        raise ValueError(f"{', '.join(names)} of {values}")
    return values
