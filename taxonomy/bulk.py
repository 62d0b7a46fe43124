"""Bringing a whole tree in line with a list of paths: all or nothing, and in bulk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat
from django.utils.text import slugify

from taxonomy.locking import tree_write
from taxonomy.models import Category
from taxonomy.progress import Progress, no_progress
from taxonomy.signals import categories_moved
from taxonomy.tree_columns import rebuild_tree_columns
from taxonomy.updating import update_categories

BATCH = 500
# No real name starts with a control character.
PARKED = "\x01"
SLUG_LENGTH = 220
NAME_LENGTH = Category._meta.get_field("name").max_length or 0
KEY_LENGTH = Category._meta.get_field("external_id").max_length or 0


class ImportRefused(ValueError):
    """Something in the input is wrong; the message names the line, and nothing was imported."""


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """One category of the input: names from the main category to itself, the host's key, and its line in a file."""

    path: tuple[str, ...]
    external_id: str | None = None
    line: int | None = None

    def refuse(self, reason: str) -> ImportRefused:
        """Return the error that says what is wrong with this row."""
        where = f"Line {self.line}" if self.line is not None else " > ".join(self.path) or "A category"
        return ImportRefused(f"{where}: {reason} Nothing was imported.")


@dataclass(slots=True)
class ImportSummary:
    """How many categories an import created, changed, left alone and switched off."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deactivated: int = 0

    def __str__(self) -> str:
        return f"{self.created} created, {self.updated} updated, {self.unchanged} unchanged, {self.deactivated} deactivated"


def upsert_categories(
    rows: Iterable[CategoryRow],
    *,
    deactivate_missing: bool = False,
    dry_run: bool = False,
    progress: Progress = no_progress,
) -> ImportSummary:
    """Create, rename, move and reactivate categories so that the tree holds ``rows``.

    A row with an ``external_id`` is the category with that key, whatever its name and place were; one without is the category
    at that path. Categories on the way to a row are created too. ``progress`` is called with (written, total). Raises
    ``ImportRefused`` for bad rows and for no rows.
    """
    wanted = _check(rows)
    with tree_write():
        plan = _Plan(list(Category.objects.all()))
        for row in wanted:
            plan.place(row)
        if deactivate_missing:
            plan.deactivate_rest()
        plan.refuse_equal_siblings()
        plan.write(progress)
        if dry_run:
            transaction.set_rollback(True)
    return plan.summary


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
        earlier = paths.get(row.path)
        if earlier is not None and earlier.external_id != row.external_id:
            raise row.refuse(f"the path {' > '.join(row.path)!r} appears with two different ids.")
        if earlier is None:
            paths[row.path] = row
            wanted.append(row)
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


@dataclass
class _Plan:
    """The tree as it will be, worked out on parent keys before anything is written."""

    existing: list[Category]
    summary: ImportSummary = field(default_factory=ImportSummary)

    def __post_init__(self) -> None:
        self._by_key = {category.external_id: category for category in self.existing if category.external_id}
        self._by_pk = {category.pk: category for category in self.existing}
        self._at = {(category.parent_id, category.name): category for category in self.existing}
        self._new: list[Category] = []
        self._touched: set[int] = set()
        self._before = {c.pk: self._state(c) for c in self.existing}
        self._placed: dict[tuple[str, ...], Category] = {}
        # Provisional keys are negative: they can never be taken for a stored category's.
        self._next_pk = -1

    def place(self, row: CategoryRow) -> None:
        """Find or make the category of a row, and everything above it."""
        parent = self._ancestor(row.path[:-1])
        parent_id = parent.pk if parent else None
        name = row.path[-1]
        category = self._by_key.get(row.external_id) if row.external_id else None
        if category is None:
            category = self._at.get((parent_id, name))
            if category and row.external_id and category.external_id not in (None, row.external_id):
                # Another category, with a key of its own, holds the place: equal siblings are refused at the end,
                # unless its own row moves or renames it away.
                category = None
        if category is None:
            category = self._create(parent_id, name)
        elif self._at.get((category.parent_id, category.name)) is category:
            del self._at[category.parent_id, category.name]
        category.parent_id, category.name, category.is_active = parent_id, name, True
        if row.external_id:
            category.external_id = row.external_id
            self._by_key[row.external_id] = category
        self._at[parent_id, name] = category
        self._placed[row.path] = category
        self._touched.add(category.pk)

    def deactivate_rest(self) -> None:
        """Switch off the categories that no row speaks of."""
        for category in self.existing:
            if category.pk not in self._touched and category.is_active:
                category.is_active = False
                self.summary.deactivated += 1

    def refuse_equal_siblings(self) -> None:
        """Refuse a plan that would give two siblings one name, or make a category its own ancestor."""
        seen: dict[tuple[int | None, str], Category] = {}
        for category in [*self.existing, *self._new]:
            place = category.parent_id, category.name
            if place in seen:
                raise ImportRefused(
                    f"Two categories named {category.name!r} would share one parent. Nothing was imported."
                )
            seen[place] = category
        for category in self.existing:
            steps, above = 0, category
            while above.parent_id is not None:
                above = self._by_pk[above.parent_id]
                steps += 1
                if steps > len(self._by_pk):
                    raise ImportRefused(f"{category.name!r} would be moved under itself. Nothing was imported.")

    def write(self, progress: Progress) -> None:
        """Write what changed and work the tree columns out once."""
        changed = [category for category in self.existing if self._state(category) != self._before[category.pk]]
        self.summary.created = len(self._new)
        self.summary.updated = len(changed) - self.summary.deactivated
        self.summary.unchanged = len(self.existing) - len(changed)
        if not (changed or self._new):
            return
        total = len(changed) + len(self._new)
        self._park(changed)
        self._insert_level_by_level(lambda inserted: progress(inserted, total))
        for category in changed:
            category.slug = slugify(category.name)[:SLUG_LENGTH]
        update_categories(changed, ["name", "slug", "parent", "external_id", "is_active"])
        rebuild_tree_columns()
        if any(category.parent_id != self._before[category.pk][1] for category in changed):
            categories_moved.send(sender=Category)
        progress(total, total)

    def _park(self, changed: list[Category]) -> None:
        # Names and keys that categories exchange must not collide halfway.
        moving = [c.pk for c in changed if self._state(c)[:3] != self._before[c.pk][:3]]
        parked = Concat(Value(PARKED), Cast("pk", CharField()))
        for start in range(0, len(moving), BATCH):
            batch = Category.objects.filter(pk__in=moving[start : start + BATCH])
            batch.update(name=parked, external_id=None)

    def _insert_level_by_level(self, report: Callable[[int], None]) -> None:
        # Keys were provisional; each level gets its real ones before the level below refers to them.
        real: dict[int | None, int | None] = {}
        pending = self._new
        inserted = 0
        provisional_keys = {category.pk for category in pending}
        while pending:
            level = [category for category in pending if category.parent_id not in provisional_keys]
            pending = [category for category in pending if category.parent_id in provisional_keys]
            keys = [category.pk for category in level]
            for category in level:
                category.parent_id = real.get(category.parent_id, category.parent_id)
                category.pk = None
            for start in range(0, len(level), BATCH):
                Category.objects.bulk_create(level[start : start + BATCH])
                report(inserted + start)
            inserted += len(level)
            real.update(zip(keys, (category.pk for category in level), strict=True))
            provisional_keys.difference_update(keys)
        for category in self.existing:
            category.parent_id = real.get(category.parent_id, category.parent_id)

    def _ancestor(self, path: tuple[str, ...]) -> Category | None:
        if not path:
            return None
        if path not in self._placed:
            parent = self._ancestor(path[:-1])
            parent_id = parent.pk if parent else None
            category = self._at.get((parent_id, path[-1])) or self._create(parent_id, path[-1])
            category.is_active = True
            self._at[parent_id, path[-1]] = category
            self._placed[path] = category
            self._touched.add(category.pk)
        return self._placed[path]

    def _create(self, parent_id: int | None, name: str) -> Category:
        category = Category(
            pk=self._next_pk,
            name=name,
            slug=slugify(name)[:SLUG_LENGTH],
            parent_id=parent_id,
            lft=0,
            rght=0,
            tree_id=0,
            level=0,
        )
        self._next_pk -= 1
        self._by_pk[category.pk] = category
        self._new.append(category)
        return category

    @staticmethod
    def _state(category: Category) -> tuple[object, ...]:
        return category.name, category.parent_id, category.external_id, category.is_active
