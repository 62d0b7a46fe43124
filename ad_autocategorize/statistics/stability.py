"""How far a distribution has moved: the population stability index."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

# Customary readings of the index (Siddiqi, "Credit Risk Scorecards", 2006): below the first nothing has happened, from the
# second on a model should be trained anew.
STEADY, MOVED = 0.1, 0.25
# Added to every count, so that an empty bin is no infinity.
_PRIOR = 0.5


def stability_index(before: Sequence[int], now: Sequence[int]) -> float:
    """Return the sum over the bins of (q - p) ln(q / p), where p and q are a bin's shares before and now; 0 for no change.

    Parameters
    ----------
    before, now : counts by bin, in one order and of one length, two bins or more.
    """
    shares = []
    for counts in (before, now):
        total = sum(counts) + _PRIOR * len(counts)
        shares.append([(count + _PRIOR) / total for count in counts])
    before_shares, now_shares = shares
    return float(sum((q - p) * log(q / p) for p, q in zip(before_shares, now_shares, strict=True)))
