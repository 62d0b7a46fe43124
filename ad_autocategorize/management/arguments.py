"""What the commands' arguments are checked with; argparse turns a ``ValueError`` into a message that names the argument."""

from __future__ import annotations

import os
from datetime import date, datetime

from django.utils import timezone

MOST_FOLDS = 20
MOST_DAYS = 36_500
# What the generators of NumPy and scikit-learn both take.
LARGEST_SEED = 2**32 - 1


def positive(text: str) -> int:
    """Return a whole number from 1 up."""
    return _between(text, 1, None)


def jobs(text: str) -> int:
    """Return a number of processes from 1 up, but no more than there are processors to run them."""
    return min(positive(text), os.cpu_count() or 1)


def days(text: str) -> int:
    """Return a number of days from 0 to a hundred years, which dates can be reckoned back by."""
    return _between(text, 0, MOST_DAYS)


def folds(text: str) -> int:
    """Return a number of folds: there must be something to learn from and something to judge."""
    return _between(text, 2, MOST_FOLDS)


def day(text: str) -> date:
    """Return a day such as 2024-12-31."""
    return date.fromisoformat(text)


def moment(text: str) -> datetime:
    """Return a moment such as 2024-12-31T12:00, in the site's time where it names no zone of its own."""
    value = datetime.fromisoformat(text)
    return timezone.make_aware(value) if timezone.is_naive(value) else value


def seed(text: str) -> int:
    """Return the seed of random numbers, from 0 up."""
    return _between(text, 0, LARGEST_SEED)


def _between(text: str, lowest: int, highest: int | None) -> int:
    value = int(text)
    if value < lowest or (highest is not None and value > highest):
        raise ValueError(text)
    return value
