"""What a process counts for Prometheus, where its client library is installed (the extra ``metrics``): without it, nothing."""

from __future__ import annotations

from collections.abc import Iterable

try:
    from prometheus_client import Counter, Histogram
except ModuleNotFoundError:
    IS_INSTALLED = False
else:
    IS_INSTALLED = True
    _SUGGESTIONS = Counter(
        "ad_autocategorize_suggestions",
        "Titles, and cars by their photos, that suggestions were asked for.",
        ["kind", "outcome", "stale"],
    )
    _SECONDS = Histogram(
        "ad_autocategorize_suggestion_seconds",
        "How long the suggestions for one title or car took to work out.",
        ["kind"],
        buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    )
    _FILED = Counter(
        "ad_autocategorize_filed",
        "Ads, and fields of cars, that were saved after suggestions.",
        ["kind", "outcome", "rank"],
    )

SUGGESTED, NOTHING, NO_MODEL = "suggested", "nothing", "no_model"


def count_suggestions(kind: str, outcomes: Iterable[str], seconds: float, *, stale: bool) -> None:
    """Count what was answered for so many titles or cars together; each took its part of the seconds.

    ``outcomes`` are "suggested", "nothing" that the model would offer, or "no_model"; ``stale`` says that the database was away.
    """
    if not IS_INSTALLED:
        return
    counted = list(outcomes)
    for outcome in counted:
        _SUGGESTIONS.labels(kind, outcome, "yes" if stale else "no").inc()
        _SECONDS.labels(kind).observe(seconds / len(counted))


def count_filed(kind: str, outcome: str, rank: int | None) -> None:
    """Count an ad or field that was saved; ``rank`` is the place of the suggestion that it was saved with, the first is 1."""
    if IS_INSTALLED:
        _FILED.labels(kind, outcome, "" if rank is None else str(rank)).inc()
