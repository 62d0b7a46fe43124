"""Bringing the review queue in line with a search: doubted ads are opened, those no longer doubted are closed.

A search takes minutes, and moderators go on deciding meanwhile. A row that one of them has settled is opened again only if its ad
is no longer as it was approved, and the search has read it as it is now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from ad_autocategorize.models import LabelIssue
from ad_autocategorize.moderation.labels.fingerprints import fingerprint
from ad_autocategorize.moderation.queue.transactions import lock_in_order, write_batch
from ad_autocategorize.sources import AdSource
from ad_autocategorize.sources.ads import ads_by_key, title_of
from taxonomy.tree import CategoryTree

BATCH = 500


def open_issues(found: Iterable[LabelIssue], source: AdSource, tree: CategoryTree) -> tuple[int, int]:
    """Open the issues found; return how many were opened, and how many were not, since a moderator had settled them."""
    opened = settled = 0
    for batch in _batches(found):
        counts = write_batch(partial(_open_batch, batch, source, tree))
        opened += counts[0]
        settled += counts[1]
    return opened, settled


def _open_batch(batch: Sequence[LabelIssue], source: AdSource, tree: CategoryTree) -> tuple[int, int]:
    keys = [issue.ad_id for issue in batch]
    rows = lock_in_order(LabelIssue.objects.filter(source=source.name, ad_id__in=keys))
    known = {row.ad_id: row for row in rows}
    new = [issue for issue in batch if issue.ad_id not in known]
    LabelIssue.objects.bulk_create(new)
    again = [(issue, known[issue.ad_id]) for issue in batch if issue.ad_id in known]
    settled = _settled(again, source, tree)
    changed = [_renew(old, issue) for issue, old in again if issue.ad_id not in settled]
    LabelIssue.objects.bulk_update(changed, _RENEWED)
    return len(new) + len(changed), len(settled)


def _settled(again: Sequence[tuple[LabelIssue, LabelIssue]], source: AdSource, tree: CategoryTree) -> set[str]:
    """Return the keys of the ads that are not asked about again, since a moderator has decided about them.

    ``again`` holds pairs: an issue as the search found it, and the row of the same ad that the queue has.
    """
    decided = [(issue, old) for issue, old in again if old.state != LabelIssue.State.OPEN]
    approved = {issue.ad_id for issue, old in decided if issue.fingerprint == old.fingerprint}
    doubted = [issue for issue, _old in decided if issue.ad_id not in approved]
    ads = ads_by_key([issue.ad_id for issue in doubted], source)
    # Not as the search read it: a moderator or the seller has changed the ad since, and the next search judges it.
    outdated = {
        issue.ad_id
        for issue in doubted
        if _current_fingerprint(ads.get(issue.ad_id), source, tree) != issue.fingerprint
    }
    return approved | outdated


def _current_fingerprint(ad: Any, source: AdSource, tree: CategoryTree) -> str | None:
    """Return the fingerprint of an ad as it is now; ``None`` for one that is gone or filed nowhere."""
    category_ids = () if ad is None else source.filed_at_ids(ad, tree)
    return fingerprint(title_of(ad, source).strip(), category_ids, tree) if category_ids else None


def close_issues(started: datetime, source: AdSource, tree: CategoryTree, *, photos_seen: bool) -> int:
    """Delete the open issues that the search begun at ``started`` did not find again, and return how many there were.

    A search without photos (``photos_seen`` is false) leaves open what only photos raised, unless the ad has changed.
    """
    closed, last = 0, 0
    while True:
        seen, deleted, last = write_batch(partial(_close_batch, started, last, source, tree, photos_seen=photos_seen))
        closed += deleted
        if not seen:
            return closed


def _close_batch(
    started: datetime, last: int, source: AdSource, tree: CategoryTree, *, photos_seen: bool
) -> tuple[int, int, int]:
    """Close issues with keys above ``last``; return how many were looked at, how many closed, and the last of their keys."""
    issues_of = LabelIssue.objects.filter(source=source.name, state=LabelIssue.State.OPEN)
    stale = issues_of.filter(found_at__lt=started, pk__gt=last).order_by("pk")
    # The lock waits for a moderator who is deciding about one of them; that one is no longer open then, and stays.
    issues = list(stale.select_for_update()[:BATCH])
    if not issues:
        return 0, 0, last
    shown = [] if photos_seen else [issue for issue in issues if issue.kind == LabelIssue.Kind.PHOTO]
    ads = ads_by_key([issue.ad_id for issue in shown], source)
    kept = [
        issue.pk for issue in shown if _current_fingerprint(ads.get(issue.ad_id), source, tree) == issue.fingerprint
    ]
    LabelIssue.objects.filter(pk__in={issue.pk for issue in issues} - set(kept)).delete()
    return len(issues), len(issues) - len(kept), issues[-1].pk


_RENEWED = [
    "state", "kind", "given", "suggested", "branch", "level", "priority", "given_probability", "suggested_probability",
    "alternatives", "words", "neighbors", "agreement", "opinions", "same_photos", "seller", "ad_date", "fingerprint",
    "folded_title", "model", "found_at", "version", "decided_at", "decided_by",
]  # fmt: skip
# What a moderator is asked: a decision about a row where any of these has changed must fail as a conflict.
_ASKED = ["state", "given_id", "suggested_id", "fingerprint"]


def _renew(old: LabelIssue, found: LabelIssue) -> LabelIssue:
    """Return what was found as the new state of the row ``old``.

    The version is raised if the question has changed: the decision of a moderator whose page shows the old one fails.
    """
    unchanged = all(getattr(old, name) == getattr(found, name) for name in _ASKED)
    found.pk, found.version = old.pk, old.version if unchanged else old.version + 1
    return found


def _batches(issues: Iterable[LabelIssue]) -> Iterator[Sequence[LabelIssue]]:
    iterator = iter(issues)
    while batch := list(islice(iterator, BATCH)):
        yield batch
