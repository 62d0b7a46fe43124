"""Late fusion: what the title says and what the photos say, as one probability of each category."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.mixture import Mixture

FloatArray = NDArray[np.float64]

# Added to a title's probabilities: one that rules a category out altogether would leave the photos no say.
SMALLEST_PROBABILITY = 1e-5
LARGEST_WEIGHT = 100.0


@dataclass(frozen=True, slots=True)
class Fusion:
    """How title and photos combine: ``title_weight * log P(path | title) + photo_weight * log P(path | photos)``.

    Attributes
    ----------
    title_weight, photo_weight : fitted to ads that neither side has learned from.
    together, alone : make probabilities of these scores, and of the photos' own where the title says nothing.
    """

    title_weight: float
    photo_weight: float
    together: Mixture
    alone: Mixture

    def combine(self, title: FloatArray, photos: FloatArray) -> FloatArray:
        """Return probabilities of the categories, for ads with title and photos.

        Parameters
        ----------
        title : probabilities, shape (ads, categories).
        photos : log-probabilities, of the same shape.
        """
        return mix(self.together, self.scores(title, photos))

    def scores(self, title: FloatArray, photos: FloatArray) -> FloatArray:
        """Return the weighted sum of both, before it is made probabilities; of the same shape."""
        return np.asarray(self.title_weight * log_title(title) + self.photo_weight * photos)

    def photos_alone(self, photos: FloatArray) -> FloatArray:
        """Return probabilities for ads whose title says nothing, from log-probabilities of shape (ads, categories)."""
        return mix(self.alone, photos)

    def to_dict(self) -> dict[str, Any]:
        """Return it in JSON's types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Fusion:
        """Read what ``to_dict`` gave. Raises ``KeyError``, ``TypeError`` and ``ValueError``."""
        title, photo = float(document["title_weight"]), float(document["photo_weight"])
        if not 0 <= title <= LARGEST_WEIGHT or not 0 <= photo <= LARGEST_WEIGHT:
            raise ValueError(f"weights of {title} and {photo}")
        return cls(title, photo, _mixture(document["together"]), _mixture(document["alone"]))


def log_title(probabilities: FloatArray) -> FloatArray:
    """Return the logarithms of a title's probabilities, of the same shape, bounded from below."""
    return np.asarray(np.log(probabilities + SMALLEST_PROBABILITY))


def mix(mixture: Mixture, scores: FloatArray) -> FloatArray:
    """Return a mixture's probabilities of scores, both of shape (ads, categories); see ``titles.mixture``."""
    sharp = _softmax(scores / mixture.temperature)
    flat = _softmax(scores / mixture.flat_temperature)
    return np.asarray((1 - mixture.flat_share) * sharp + mixture.flat_share * flat)


def _softmax(scores: FloatArray) -> FloatArray:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _mixture(document: Mapping[str, Any]) -> Mixture:
    values = {name: float(document[name]) for name in ("temperature", "flat_share", "flat_temperature")}
    if not all(map(math.isfinite, values.values())) or min(values["temperature"], values["flat_temperature"]) <= 0:
        raise ValueError("a mixture without a temperature above 0")
    if not 0 <= values["flat_share"] <= 1:
        raise ValueError(f"a share of {values['flat_share']}")
    return Mixture(**values)
