"""The category tree as an import will leave it, worked out before anything is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat
from django.utils.text import slugify

from taxonomy.models import Category
from taxonomy.names import clean_name, fold_name, fold_path, join_path
from taxonomy.progress import Progress
from taxonomy.rows import NOTHING, CategoryRow, ImportRefused
from taxonomy.signals import categories_moved
from taxonomy.tree_columns import rebuild_tree_columns
from taxonomy.updating import update_categories

BATCH = 500
# Begins the names that categories have for a moment. No real name begins with a control character.
PARKED = "\x01"
SLUG_LENGTH = 220


class _State(NamedTuple):
    """All of a category that an import may change."""

    name: str
    parent_id: int | None
    external_id: str | None
    is_active: bool
    host_key: str
    translations: str

    @classmethod
    def of(cls, category: Category) -> _State:
        translations = json.dumps(category.translations, sort_keys=True)
        return cls(
            category.name,
            category.parent_id,
            category.external_id,
            category.is_active,
            category.host_key,
            translations,
        )


class Plan:
    """What an import makes of the existing categories. Nothing is written before ``write`` is called.

    Parameters
    ----------
    existing : all categories of one ``scope``.
    rows : the rows to import, parents before children.
    whole : whether the rows are all categories there are. Other categories go out of use; one that has a row's name and parent
        without being meant by it is renamed.
    rekey : whether categories are found by their paths only, and get the rows' keys.

    Raises
    ------
    ImportRefused : the rows contradict the existing categories.
    """

    def __init__(
        self, existing: list[Category], rows: Sequence[CategoryRow], *, whole: bool, rekey: bool, scope: str = ""
    ) -> None:
        self._existing, self._scope = existing, scope
        self._whole, self._rekey = whole, rekey
        self._wanted_keys = {row.external_id for row in rows if row.external_id}
        self._before = {category.pk: _State.of(category) for category in existing}
        self._by_pk = {category.pk: category for category in existing}
        self._by_key = {category.external_id: category for category in existing if category.external_id}
        # By parent and name: exactly as it is, and folded.
        self._at: dict[tuple[int | None, str], Category] = {}
        self._alike: dict[tuple[int | None, str], Category] = {}
        for category in sorted(existing, key=lambda category: (not category.is_active, category.pk)):
            self._put(category)
        self._new: list[Category] = []
        self._touched: set[int] = set()
        self._placed: dict[tuple[str, ...], Category] = {}
        # New categories have negative keys until they are written, so that these differ from those of stored ones.
        self._next_pk = -1
        self.notes: list[str] = []
        self.deactivated = 0
        for row in rows:
            self._place(row)
        if whole:
            self._deactivate_rest()
        self._refuse_equal_siblings()
        self._refuse_loops()
        self._changed = [category for category in existing if _State.of(category) != self._before[category.pk]]
        self.created = len(self._new)
        self.updated = len(self._changed) - self.deactivated
        self.unchanged = len(existing) - len(self._changed)

    @property
    def changes(self) -> int:
        """How many categories are to be written."""
        return len(self._changed) + len(self._new)

    def write(self, progress: Progress) -> None:
        """Write all changes, and then the tree columns once."""
        total = self.changes
        self._park()
        self._insert_level_by_level(lambda inserted: progress(inserted, total))
        for category in self._changed:
            category.slug = slugify(category.name)[:SLUG_LENGTH]
        update_categories(
            self._changed, ["name", "slug", "parent", "external_id", "is_active", "host_key", "translations"]
        )
        rebuild_tree_columns()
        if any(category.parent_id != self._before[category.pk].parent_id for category in self._changed):
            categories_moved.send(sender=Category)
        progress(total, total)

    def _place(self, row: CategoryRow) -> None:
        """Find or make the category of a row, and everything above it."""
        parent = self._ancestor(row.path[:-1])
        parent_id = parent.pk if parent else None
        name = clean_name(row.path[-1])
        occupant = self._find(parent_id, name)
        category = self._by_key.get(row.external_id or "") if not self._rekey else None
        if category is None and occupant is not None and self._may_have(occupant, row.external_id):
            category = occupant
        if category is None:
            category = self._create(parent_id, name)
        if occupant is not None and occupant is not category and self._gives_way(occupant):
            self._retire(occupant)
        self._take_out(category)
        if row.external_id or fold_name(category.name) != fold_name(name):
            category.name = name
        category.parent_id, category.is_active = parent_id, True
        if row.external_id and category.external_id != row.external_id:
            self._give_key(category, row.external_id, join_path(row.path))
        category.host_key = row.host_key or category.host_key
        category.translations = row.translations or category.translations
        self._put(category)
        self._placed[fold_path(row.path)] = category
        self._touched.add(category.pk)

    def _may_have(self, occupant: Category, key: str | None) -> bool:
        """Return whether a row with this key means ``occupant``, the category that has its parent and name already."""
        if key is None or self._rekey or occupant.external_id in (None, key):
            return True
        # The occupant has another key. If the rows are all categories and none has that key, the host has changed its keys.
        return self._whole and occupant.external_id not in self._wanted_keys

    def _gives_way(self, occupant: Category) -> bool:
        """Return whether ``occupant``, which has a row's parent and name without being meant by it, goes out of use."""
        return self._whole and occupant.pk not in self._touched and occupant.external_id not in self._wanted_keys

    def _retire(self, category: Category) -> None:
        """Rename a category that is going out of use, so that another can have its name and place."""
        self._take_out(category)
        before = category.name
        category.name = f"{category.name[:150]} ({category.external_id or f'#{category.pk}'})"
        self._put(category)
        self.notes.append(f"{before!r} with the key {category.external_id!r} has gone and became {category.name!r}.")

    def _give_key(self, category: Category, key: str, path: str) -> None:
        former = category.external_id
        if former is not None:
            self.notes.append(f"{path!r} had the key {former!r} and has {key!r} now.")
        holder = self._by_key.get(key)
        if holder is not None and holder is not category:
            # When all keys are new, the old key of one category may be the new one of another.
            holder.external_id = None
        if former is not None and self._by_key.get(former) is category:
            del self._by_key[former]
        category.external_id = key
        self._by_key[key] = category

    def _deactivate_rest(self) -> None:
        for category in self._existing:
            if category.pk not in self._touched and category.is_active:
                category.is_active = False
                self.deactivated += 1

    def _refuse_equal_siblings(self) -> None:
        """Raise ``ImportRefused`` if two siblings would have names that look alike, unless both were siblings before."""
        seen: dict[tuple[int | None, str], Category] = {}
        for category in [*self._existing, *self._new]:
            other = seen.setdefault((category.parent_id, fold_name(category.name)), category)
            if other is category or (self._is_in_place(category) and self._is_in_place(other)):
                continue
            keys = f"with the ids {other.external_id!r} and {category.external_id!r}"
            raise ImportRefused(
                f"Two categories named {category.name!r} would share one parent, {keys}. Give both the same id, rename one of "
                f"them, or import with --rekey, which finds categories by their paths and gives them the ids. {NOTHING}"
            )

    def _is_in_place(self, category: Category) -> bool:
        """Return whether an existing category keeps its name and parent."""
        before = self._before.get(category.pk)
        return before is not None and (before.name, before.parent_id) == (category.name, category.parent_id)

    def _refuse_loops(self) -> None:
        for category in self._existing:
            steps, above = 0, category
            while above.parent_id is not None:
                above = self._by_pk[above.parent_id]
                steps += 1
                if steps > len(self._by_pk):
                    raise ImportRefused(f"{category.name!r} would be moved under itself. {NOTHING}")

    def _park(self) -> None:
        # Gives categories unique names in between, and no keys: two that exchange their names or keys would collide halfway.
        moving = [
            category.pk
            for category in self._changed
            if (category.name, category.parent_id, category.external_id) != self._before[category.pk][:3]
        ]
        parked = Concat(Value(PARKED), Cast("pk", CharField()))
        for start in range(0, len(moving), BATCH):
            batch = Category.objects.filter(pk__in=moving[start : start + BATCH])
            batch.update(name=parked, external_id=None)

    def _insert_level_by_level(self, report: Callable[[int], None]) -> None:
        # Each level is written, and so gets its real keys, before the level below, which refers to them.
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
        for category in self._existing:
            category.parent_id = real.get(category.parent_id, category.parent_id)

    def _ancestor(self, path: tuple[str, ...]) -> Category | None:
        """Find or make the category at a path that rows are below; ``None`` above the main categories."""
        if not path:
            return None
        folded = fold_path(path)
        if folded not in self._placed:
            parent = self._ancestor(path[:-1])
            parent_id = parent.pk if parent else None
            name = clean_name(path[-1])
            category = self._find(parent_id, name) or self._create(parent_id, name)
            category.is_active = True
            self._put(category)
            self._placed[folded] = category
            self._touched.add(category.pk)
        return self._placed[folded]

    def _create(self, parent_id: int | None, name: str) -> Category:
        place = {"lft": 0, "rght": 0, "tree_id": 0, "level": 0}
        slug = slugify(name)[:SLUG_LENGTH]
        category = Category(pk=self._next_pk, name=name, slug=slug, parent_id=parent_id, scope=self._scope, **place)
        self._next_pk -= 1
        self._by_pk[category.pk] = category
        self._new.append(category)
        return category

    def _find(self, parent_id: int | None, name: str) -> Category | None:
        return self._at.get((parent_id, name)) or self._alike.get((parent_id, fold_name(name)))

    def _put(self, category: Category) -> None:
        self._at.setdefault((category.parent_id, category.name), category)
        self._alike.setdefault((category.parent_id, fold_name(category.name)), category)

    def _take_out(self, category: Category) -> None:
        for places, name in ((self._at, category.name), (self._alike, fold_name(category.name))):
            if places.get((category.parent_id, name)) is category:
                del places[category.parent_id, name]
