"""A queue of limited length, which a shorter search does not empty."""

from __future__ import annotations

from collections.abc import Sequence

from ad_autocategorize.models import LabelIssue
from ad_autocategorize.moderation.search.doubts import Doubt
from ad_autocategorize.sources import AdSource, LabelledTitle


def within_limit(limit: int | None, doubts: list[Doubt], ads: Sequence[LabelledTitle], source: AdSource) -> list[Doubt]:
    """Return the surest doubts, and those further ones that are in the queue already: a short search closes no question."""
    if limit is None or len(doubts) <= limit:
        return doubts
    open_issues = LabelIssue.objects.filter(source=source.name, state=LabelIssue.State.OPEN)
    waiting = set(open_issues.values_list("ad_id", flat=True).iterator())
    return [*doubts[:limit], *(doubt for doubt in doubts[limit:] if str(ads[doubt.row].ad_id) in waiting)]
