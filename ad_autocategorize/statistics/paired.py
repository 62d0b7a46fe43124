"""Two models on the same ads: how much better one is than the other, and whether that may be chance."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, erf, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.statistics.intervals import CONFIDENCE, Interval

# Beyond so many ads that only one model got right the exact sum is long, and the normal curve as good.
EXACT = 1000


@dataclass(frozen=True, slots=True)
class PairedShares:
    """How many ads both models got right, only one of them, and all there were."""

    both: int
    only_first: int
    only_second: int
    ads: int

    @classmethod
    def of(cls, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> PairedShares:
        """Count outcomes; both arrays have the shape (ads,), in the same order."""
        return cls(int((first & second).sum()), int((first & ~second).sum()), int((second & ~first).sum()), len(first))

    @property
    def first(self) -> float:
        """The share that the first model got right; 0 of no ads."""
        return (self.both + self.only_first) / max(1, self.ads)

    @property
    def second(self) -> float:
        """The share that the second model got right; 0 of no ads."""
        return (self.both + self.only_second) / max(1, self.ads)

    @property
    def difference(self) -> float:
        """The share of the second less that of the first."""
        return (self.only_second - self.only_first) / max(1, self.ads)

    def interval(self, among: int = 1) -> Interval:
        """Return the confidence interval of the difference: Bonett and Price's adjusted Wald interval (2012).

        ``among`` several comparisons each is made wider (Bonferroni), so that all hold together with 95 %.
        """
        z = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / (2 * among))
        ads = self.ads + 2
        first, second = (self.only_first + 1) / ads, (self.only_second + 1) / ads
        reach = z * sqrt((first + second - (second - first) ** 2) / ads)
        return Interval(max(-1.0, second - first - reach), min(1.0, second - first + reach))

    @property
    def p_value(self) -> float:
        """McNemar's exact test: the chance of a split so uneven if both were equally good."""
        fewer, divided = min(self.only_first, self.only_second), self.only_first + self.only_second
        if divided > EXACT:
            return 1 - erf(abs(self.only_first - self.only_second) / sqrt(2 * divided))
        tail = sum(comb(divided, count) for count in range(fewer + 1))
        return min(1.0, float(2 * tail / 2**divided))
