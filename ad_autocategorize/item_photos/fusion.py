"""Late fusion: from the probabilities by title and by photos to one probability of each category."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Added to a title's probabilities before their logarithms are taken: photos could never make up for a probability of zero.
SMALLEST_PROBABILITY = 1e-5
LARGEST_WEIGHT = 100.0
# Scores further below the best one are raised to this, so that exp() of them is not zero.
_LARGEST_LEAD = 100.0
# The best category stays ahead by at least this much, so that rounding cannot change the order.
_AHEAD = 1e-9


@dataclass(frozen=True, slots=True)
class Confidence:
    """The calibrated probability of the best category: ``sigmoid(intercept + sureness * logit(p) + lead * log(p / q))``.

    ``p`` and ``q`` are the probabilities that a softmax of the scores gives the best and the second best category. This is Platt
    scaling ("Probabilistic Outputs for Support Vector Machines", 1999) with a second term: at the same ``p``, the best
    category is more often right if the second best is far behind than if the choice is between two.
    """

    intercept: float = 0.0
    sureness: float = 1.0
    lead: float = 0.0

    def apply(self, scores: FloatArray) -> FloatArray:
        """Return probabilities for scores, both of shape (ads, categories) with two categories at least.

        The order of an ad's categories stays the same.
        """
        parts = parts_of(scores)
        sure = 1 / (1 + np.exp(-(self.intercept + self.sureness * parts.log_odds + self.lead * parts.lead)))
        # The second best has the share s of what is left, s (1 - sure). The best is above it if its probability is above s /
        # (1 + s).
        second = parts.shares.max(axis=1)
        sure = np.maximum(sure, second / (1 + second) + _AHEAD)
        probabilities = parts.shares * (1 - sure)[:, None]
        probabilities[np.arange(len(sure)), parts.best] = sure
        return np.asarray(probabilities)


class Parts(NamedTuple):
    """What a confidence is made of.

    Attributes
    ----------
    best : shape (ads,): the best category.
    log_odds : shape (ads,): those of its probability by a softmax of the scores.
    lead : shape (ads,): how far its score is above the second best.
    shares : shape (ads, categories): a softmax among the other categories; 0 for the best.
    """

    best: NDArray[np.intp]
    log_odds: FloatArray
    lead: FloatArray
    shares: FloatArray


def parts_of(scores: FloatArray) -> Parts:
    """Return the parts of the confidences for scores of shape (ads, categories)."""
    best = scores.argmax(axis=1)
    rows = np.arange(len(best))
    shifted = np.maximum(scores - scores[rows, best][:, None], -_LARGEST_LEAD)
    powers = np.exp(shifted)
    powers[rows, best] = 0
    others = powers.sum(axis=1)
    return Parts(best, -np.log(others), -np.log(powers.max(axis=1)), powers / others[:, None])


@dataclass(frozen=True, slots=True)
class Fusion:
    """How title and photos combine: ``title_weight * log P(path | title) + w * log P(path | photos)``.

    Attributes
    ----------
    title_weight, photo_weight, entropy_weight : ``w = photo_weight + entropy_weight * H``, where H is the entropy of
        P(path | title) in nats: photos weigh more if the title leaves more open. All are fitted to ads that neither the title
        model nor the photo classifier has learned from.
    together : makes probabilities of these scores.
    alone : makes probabilities of the photos' own log-probabilities, for ads in whose titles nothing is known.
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
        """Return the weighted sums of both, of the same shape, which ``together`` makes probabilities of."""
        weights = self.photo_weight + self.entropy_weight * entropy(title)
        return np.asarray(self.title_weight * log_title(title) + weights[:, None] * photos)

    def photos_alone(self, photos: FloatArray) -> FloatArray:
        """Return probabilities by photos alone, from log-probabilities of shape (ads, categories)."""
        return self.alone.apply(photos)

    def to_dict(self) -> dict[str, Any]:
        """Return the fusion in JSON's types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Fusion:
        """Make a fusion of what ``to_dict`` returned. Raises ``KeyError``, ``TypeError`` and ``ValueError``."""
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
    # Written so that it is false for NaN too.
    if not all(abs(value) <= LARGEST_WEIGHT for value in values):
        raise ValueError(f"{', '.join(names)} of {values}")
    return values
