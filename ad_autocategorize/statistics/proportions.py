"""Shares with their confidence intervals, so that a few decisions are not read as many."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from ad_autocategorize.statistics.intervals import Interval, wilson_interval


@dataclass(frozen=True, slots=True)
class Proportion:
    """``part`` of ``whole`` things."""

    part: int
    whole: int

    @property
    def share(self) -> float:
        """The share within 0 to 1; 0 of nothing."""
        return self.part / self.whole if self.whole else 0.0

    @property
    def percent(self) -> int:
        """The share, rounded."""
        return round(100 * self.share)

    @property
    def interval(self) -> Interval:
        """Wilson's score interval; of nothing, all that a share can be."""
        return wilson_interval(self.part, self.whole) if self.whole else Interval(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Difference:
    """How much larger one share is than another that is independent of it."""

    first: Proportion
    second: Proportion

    @property
    def percent(self) -> int:
        """The difference in points, rounded."""
        return round(100 * (self.first.share - self.second.share))

    @property
    def interval(self) -> Interval:
        """Newcombe's hybrid score interval (1998, method 10)."""
        difference, first, second = self.first.share - self.second.share, self.first.interval, self.second.interval
        below = sqrt((self.first.share - first.low) ** 2 + (second.high - self.second.share) ** 2)
        above = sqrt((first.high - self.first.share) ** 2 + (self.second.share - second.low) ** 2)
        return Interval(difference - below, difference + above)

    @property
    def may_be_chance(self) -> bool:
        """Whether the interval holds no difference at all."""
        return self.interval.low <= 0 <= self.interval.high
