"""The numbers that turn a scorer's scores into probabilities."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mixture:
    """How scores become probabilities: a mixture of two softmaxes, the second of a higher temperature and so flatter.

    With ``score = log P(path) + flat score`` the probability of a category is
    ``(1 - flat_share) * softmax(score / temperature) + flat_share * softmax(score / flat_temperature)``. Some ads are filed
    wrongly by their sellers, so that even the surest answers are wrong at times: the flatter part keeps probabilities from coming
    too near to one, which a single temperature cannot (ensemble temperature scaling: Zhang, Kailkhura and Han, "Mix-n-Match",
    2020).
    """

    temperature: float = 1.0
    flat_share: float = 0.0
    flat_temperature: float = 1.0
