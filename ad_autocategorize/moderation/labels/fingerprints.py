"""What tells whether an ad is still as it was when somebody looked at it."""

from __future__ import annotations

import hashlib

from ad_autocategorize.models import LabelIssue
from taxonomy.tree import CategoryTree


def fingerprint(title: str, category_id: int, tree: CategoryTree) -> str:
    """Return a digest of what a moderator approved of: one half of the title, one of the category's place in the tree."""
    return _digest(title) + _digest(*map(str, tree.path_ids(category_id)), *tree.path_names(category_id))


def is_titled(issue: LabelIssue, title: str) -> bool:
    """Return whether an ad's title is still that of the issue, wherever its category lies by now."""
    return issue.fingerprint.startswith(_digest(title.strip()))


def _digest(*parts: str) -> str:
    # Half of the field's length.
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:32]
