"""The numbers by which the parts of a scorer combine into one probability."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mixture:
    """How cascade and flat model combine.

    With ``score = sharpness * (log P(path) + flat score)`` the probability of a category is
    ``(1 - flat_share) * softmax(score) + flat_share * softmax(flatness * score)``. The second, flatter part keeps
    probabilities honest near one, where single-temperature scaling cannot follow the sellers' own mistakes (ensemble
    temperature scaling: Zhang, Kailkhura and Han, "Mix-n-Match", 2020).
    """

    sharpness: float = 1.0
    flat_share: float = 0.0
    flatness: float = 1.0
