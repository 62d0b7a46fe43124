"""Bringing a whole tree in line with a list of paths: all or nothing, and in bulk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import router, transaction

from taxonomy.locking import tree_plan, tree_write
from taxonomy.models import Category
from taxonomy.names import fold_path, join_path
from taxonomy.planning import Plan
from taxonomy.progress import Progress, no_progress
from taxonomy.rows import CategoryRow, ImportRefused

__all__ = ["CategoryRow", "ImportRefused", "ImportSummary", "upsert_categories"]

NAME_LENGTH = Category._meta.get_field("name").max_length or 0
KEY_LENGTH = Category._meta.get_field("external_id").max_length or 0


@dataclass(slots=True)
class ImportSummary:
    """How many categories an import created, changed, left alone and switched off; ``notes`` say what deserves a look."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deactivated: int = 0
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.created} created, {self.updated} updated, {self.unchanged} unchanged, {self.deactivated} deactivated"


def upsert_categories(
    rows: Iterable[CategoryRow],
    *,
    deactivate_missing: bool = False,
    rekey: bool = False,
    scope: str = "",
    dry_run: bool = False,
    progress: Progress = no_progress,
) -> ImportSummary:
    """Create, rename, move and reactivate categories so that the tree holds ``rows``.

    A row with an ``external_id`` means the category with that key, wherever it was and whatever its name. If there is none, it
    means the category at its path, unless that has a key of its own (with ``deactivate_missing``: one that another row has). A
    row without an ``external_id`` means the category at its path. If there is no such category, it is created, and so are those
    above it. Names that look alike are one name.

    The version of the tree is raised if something changes. Raises ``ImportRefused`` for bad rows and for no rows.

    Parameters
    ----------
    deactivate_missing : whether the rows are all categories there are: others go out of use, and their keys with them.
    rekey : whether rows mean the categories at their paths, whatever keys those have, and give them theirs.
    scope : which of several trees is meant; the others are left alone.
    progress : called with (written, total).
    """
    wanted = _check(rows)
    with tree_plan():
        plan = Plan(
            list(Category.objects.filter(scope=scope)), wanted, whole=deactivate_missing, rekey=rekey, scope=scope
        )
        summary = ImportSummary(plan.created, plan.updated, plan.unchanged, plan.deactivated, plan.notes)
        if plan.changes:
            with tree_write():
                plan.write(progress)
        if dry_run:
            transaction.set_rollback(True, using=router.db_for_write(Category))
    return summary


def _check(rows: Iterable[CategoryRow]) -> list[CategoryRow]:
    wanted: list[CategoryRow] = []
    paths: dict[tuple[str, ...], CategoryRow] = {}
    keys: set[str] = set()
    for row in rows:
        _check_names(row)
        if row.external_id is not None:
            if not row.external_id or len(row.external_id) > KEY_LENGTH:
                raise row.refuse(f"the id must have 1 to {KEY_LENGTH} characters.")
            if row.external_id in keys:
                raise row.refuse(f"the id {row.external_id!r} appears twice.")
            keys.add(row.external_id)
        folded = fold_path(row.path)
        earlier = paths.get(folded)
        if (
            earlier is not None
            and earlier.external_id != row.external_id
            and None not in (earlier.external_id, row.external_id)
        ):
            ids = f"{earlier.external_id!r} and {row.external_id!r}"
            raise row.refuse(
                f"the path {join_path(row.path)!r} appears with two different ids, {ids}. Give both the same, rename one, or "
                "leave the ids out."
            )
        if earlier is None:
            paths[folded] = row
            wanted.append(row)
        elif earlier.external_id is None and row.external_id is not None:
            paths[folded] = row
            wanted[wanted.index(earlier)] = row
    if not wanted:
        raise ImportRefused("There are no categories in the input. Nothing was imported.")
    # Parents before children, so that a moved parent is in place when its children look for it.
    return sorted(wanted, key=lambda row: len(row.path))


def _check_names(row: CategoryRow) -> None:
    if not row.path:
        raise row.refuse("the path is empty.")
    for name in row.path:
        if not name.strip():
            raise row.refuse("the path has an empty step.")
        if len(name) > NAME_LENGTH:
            raise row.refuse(f"the name {name[:40]!r}... has more than {NAME_LENGTH} characters.")
        if "\x00" in name:
            raise row.refuse("the path contains a NUL character.")
