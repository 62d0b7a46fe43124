"""What tells whether an ad is still as it was when somebody looked at it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from ad_autocategorize.models import LabelIssue
from taxonomy.tree import CategoryTree


def fingerprint(title: str, category_ids: Collection[int], tree: CategoryTree) -> str:
    """Return a digest of what a moderator approved of.

    Its first half is of the title, its second of the categories and the paths to them: ``is_titled`` compares the first alone.
    """
    places = [(*map(str, tree.path_ids(pk)), *tree.path_names(pk)) for pk in sorted(category_ids)]
    return _digest(title) + _digest(*(step for place in places for step in place))


def is_titled(issue: LabelIssue, title: str) -> bool:
    """Return whether an ad's title is still that of the issue, wherever its category lies by now."""
    return issue.fingerprint.startswith(_digest(title.strip()))


def _digest(*parts: str) -> str:
    # Two of these fill the field ``fingerprint``.
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:32]
