"""Splits into ads to train on and to test on: stratified by category, with groups kept together, or by date."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.training.splitting import split_by_category

TEST_SHARE = 1 / 3
LATER_SHARE = 0.2

Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Split:
    """Positions of the ads to test on and to train on; ``cutoff`` is the date of the first test ad, if split by date."""

    test: Positions
    train: Positions
    cutoff: datetime | None = None


def split_at_random(paths: Sequence[Path], seed: int) -> Split:
    """Set a third of every category aside to test on. One ad at least of each category is trained on."""
    return Split(*split_by_category(paths, TEST_SHARE, seed))


def split_by_group(paths: Sequence[Path], groups: NDArray[np.intp], seed: int, share: float = TEST_SHARE) -> Split:
    """Set about ``share`` of every category aside to test on, with all ads of a group on one side.

    A group is counted in the category at which most of its ads are filed.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for position, group in enumerate(groups.tolist()):
        members[group].append(position)
    units = list(members.values())
    usual = [Counter(paths[position] for position in unit).most_common(1)[0][0] for unit in units]
    aside, rest = split_by_category(usual, share, seed)
    chosen = _keep_categories_known(aside.tolist(), rest.tolist(), units, paths)

    def gather(numbers: Iterable[int]) -> Positions:
        return np.sort(np.array([position for number in numbers for position in units[number]], dtype=np.intp))

    return Split(gather(chosen), gather(set(range(len(units))) - set(chosen)))


def _keep_categories_known(
    aside: list[int], rest: list[int], units: Sequence[Sequence[int]], paths: Sequence[Path]
) -> list[int]:
    """Return the units of ``aside`` that leave at least one training ad to every category.

    ``aside`` and ``rest`` number the units; a unit is the positions of a group's ads.
    """
    known = {paths[position] for unit in rest for position in units[unit]}
    chosen = []
    for unit in aside:
        here = {paths[position] for position in units[unit]}
        if here <= known:
            chosen.append(unit)
        else:
            known |= here
    return chosen


def split_by_date(dates: Sequence[datetime | None], share: float = LATER_SHARE) -> Split | None:
    """Set aside the newest ads, about ``share`` of those with a date, to test on; ads of the same date stay together.

    Ads without a date are on neither side. Returns ``None`` if there are fewer than two different dates.
    """
    dated = [(position, day) for position, day in enumerate(dates) if day is not None]
    moments = sorted(day for _, day in dated)
    if not moments or moments[0] == moments[-1]:
        return None
    wanted = len(moments) * (1 - share)
    # The test part may begin at any date but the first. Chosen is the one before which the number of ads is nearest to the
    # wanted.
    first_at = {day: position for position, day in reversed(list(enumerate(moments))) if day != moments[0]}
    cutoff = min(first_at, key=lambda day: abs(first_at[day] - wanted))
    earlier, later = ([position for position, day in dated if (day >= cutoff) is late] for late in (False, True))
    return Split(np.array(later, dtype=np.intp), np.array(earlier, dtype=np.intp), cutoff)
