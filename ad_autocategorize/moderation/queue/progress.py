"""How far a queue has come: what is open, what was decided today, and how fast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from ad_autocategorize.models import Decision

# Further entries are not counted: nobody goes through more in a day, and a long queue stays quick.
COUNTED = 1000
# The decisions that the pace is taken from, and the longest time that one of them takes; more is a break.
PACE_OF = 30
LONGEST_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a queue for one moderator; ``seconds`` is what a decision takes them, ``None`` where that is not known yet."""

    open: int
    today: int
    own_today: int
    seconds: int | None

    @property
    def is_more(self) -> bool:
        """Whether more are open than were counted."""
        return self.open > COUNTED

    @property
    def shown_open(self) -> int:
        """The number to show, of which ``is_more`` says whether it is the least."""
        return min(self.open, COUNTED)

    @property
    def minutes_left(self) -> int | None:
        """What the open ones take at this pace, in minutes, 1 at least; ``None`` where that is not known."""
        if self.seconds is None or self.is_more or not self.open:
            return None
        return max(1, round(self.open * self.seconds / 60))


def progress_of(queue: QuerySet[Any], decisions: type[Decision], user: AbstractBaseUser) -> Progress:
    """Return how far the open entries of ``queue`` have come, in three queries."""
    rows: QuerySet[Any] = decisions._default_manager.all()
    today = rows.filter(created_at__gte=_midnight(), undone_by=None).exclude(action="undone")
    counts = today.aggregate(all=Count("pk"), own=Count("pk", filter=Q(moderator=user.pk)))
    one_by_one = today.filter(moderator=user.pk, batch=None).order_by("-created_at")
    moments = list(one_by_one.values_list("created_at", flat=True)[:PACE_OF])
    return Progress(count_open(queue), counts["all"], counts["own"], _seconds(moments))


def count_open(queue: QuerySet[Any]) -> int:
    """Return the number of entries, or a number above ``COUNTED`` where there are more than that."""
    return queue.order_by()[: COUNTED + 1].count()


def _midnight() -> datetime:
    now = timezone.now()
    local = timezone.localtime(now) if timezone.is_aware(now) else now
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def _seconds(moments: list[datetime]) -> int | None:
    """Return the median time between two decisions, in seconds from 1 up; breaks are left out."""
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(moments)]
    worked = [gap for gap in gaps if gap <= LONGEST_SECONDS]
    return max(1, round(median(worked))) if worked else None
