"""Probabilities in words, since people read words rather than figures."""

from __future__ import annotations

from typing import Literal

Confidence = Literal["very_likely", "likely", "maybe"]

# Calibrated, nine in ten of the "very likely" ones are right.
VERY_LIKELY = 0.9
LIKELY = 0.6

# The floor under offers, in calibrated probability; chosen on training parts with ``python -m benchmarks.floor``. Below the first
# there is no suggestion at all; a further offer, beside a first one, may be less probable.
FIRST_OFFER = 0.15
FURTHER_OFFER = 0.05
# How many times as probable as for a title that says nothing: the most frequent category of a site is no answer to nonsense.
# What is likely is offered all the same.
LEAST_LIFT = 3.0


def in_words(probability: float) -> Confidence:
    """Return how sure a suggestion of this probability is."""
    if probability >= VERY_LIKELY:
        return "very_likely"
    return "likely" if probability >= LIKELY else "maybe"
