"""What the queue remembers of its categories' places in the tree, by which it is filtered."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ad_autocategorize.models import LabelIssue
from ad_autocategorize.moderation.queue.transactions import lock_in_order, own_transaction
from ad_autocategorize.titles.hierarchy import parting_level
from taxonomy.tree import CategoryTree

WRITTEN_AT_ONCE = 500


def follow_moved_categories(**_signal: Any) -> None:
    """Bring the main category of every issue, and the level where its paths part, in line with the tree as it is now."""
    tree = CategoryTree.load(include_inactive=True)
    moved: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    rows = LabelIssue.objects.order_by("pk").values_list("pk", "given_id", "suggested_id", "branch_id", "level")
    for pk, given, suggested, branch, level in rows.iterator():
        if given not in tree or suggested not in tree:
            continue
        place = tree.path_ids(given)[0], parting_level(tree.path_ids(given), tree.path_ids(suggested))
        if place != (branch, level):
            moved[place].append(pk)
    if not moved:
        return
    with own_transaction():
        # All of them in order before any is written; many queries, since a query takes only so many keys.
        keys = sorted(pk for some in moved.values() for pk in some)
        for start in range(0, len(keys), WRITTEN_AT_ONCE):
            some_issues = LabelIssue.objects.filter(pk__in=keys[start : start + WRITTEN_AT_ONCE])
            lock_in_order(some_issues.values_list("pk", flat=True))
        for (branch, level), keys in moved.items():
            for start in range(0, len(keys), WRITTEN_AT_ONCE):
                some = LabelIssue.objects.filter(pk__in=keys[start : start + WRITTEN_AT_ONCE])
                some.update(branch=branch, level=level)
