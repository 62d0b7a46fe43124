"""The numbers by which the parts of a scorer combine into one probability."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mixture:
    """How cascade and flat model combine.

    With ``score = log P(path) + flat score`` the probability of a category is
    ``(1 - flat_share) * softmax(score / temperature) + flat_share * softmax(score / flat_temperature)``. The second, flatter
    part keeps probabilities honest near one, where single-temperature scaling cannot follow the sellers' own mistakes
    (ensemble temperature scaling: Zhang, Kailkhura and Han, "Mix-n-Match", 2020).
    """

    temperature: float = 1.0
    flat_share: float = 0.0
    flat_temperature: float = 1.0
