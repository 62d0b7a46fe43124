"""The whole category tree in memory, read in one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from taxonomy.locking import current_version
from taxonomy.models import Category

# Between the names of a path, wherever a person reads it.
PATH_SEPARATOR = " › "


@dataclass(frozen=True, slots=True)
class _Entry:
    pk: int
    name: str
    parent: int | None
    external_id: str | None
    host_key: str
    scope: str
    path_ids: tuple[int, ...]
    path_names: tuple[str, ...]


# Key, name, parent's key, external id, the host's own key and the scope.
_Row = tuple[int, str, int | None, str | None, str, str]


@dataclass(frozen=True)
class CategoryTree:
    """An immutable snapshot: paths, children and look-ups without a query each.

    Built from the parent keys alone, so that it is right even where the tree columns are damaged. Iterates over primary keys
    depth first, siblings by name. Look-ups by primary key raise ``KeyError`` for a category that is not in the snapshot.
    """

    version: int
    _entries: dict[int, _Entry] = field(repr=False)
    _children: dict[int | None, tuple[int, ...]] = field(repr=False)
    _by_path: dict[tuple[str, ...], int] = field(repr=False)
    _by_external_id: dict[tuple[str, str], int] = field(repr=False)

    @classmethod
    def load(cls, *, include_inactive: bool = False, scope: str | None = None, language: str = "") -> CategoryTree:
        """Read the tree. All categories below an inactive one count as inactive.

        Parameters
        ----------
        include_inactive : whether inactive categories are part of it.
        scope : which of several trees; all by default.
        language : the code of the language of names, if a category has one in it.
        """
        # The version first: a write in between makes the snapshot look older than it is, never newer.
        version = current_version()
        found = Category.objects.order_by("name", "pk")
        if scope is not None:
            found = found.filter(scope=scope)
        translated = dict(found.exclude(translations={}).values_list("pk", "translations")) if language else {}
        rows = found.values_list("pk", "name", "parent_id", "external_id", "host_key", "scope", "is_active")
        below: dict[int | None, list[_Row]] = defaultdict(list)
        for pk, name, parent, external_id, host_key, own_scope, is_active in rows:
            if is_active or include_inactive:
                shown = translated.get(pk, {}).get(language) or name
                below[parent].append((pk, shown, parent, external_id, host_key, own_scope))
        entries: dict[int, _Entry] = {}
        stack: list[tuple[_Row, tuple[int, ...], tuple[str, ...]]] = [(row, (), ()) for row in reversed(below[None])]
        while stack:
            (pk, name, parent, external_id, host_key, own_scope), ids, names = stack.pop()
            entry = _Entry(pk, name, parent, external_id, host_key, own_scope, (*ids, pk), (*names, name))
            entries[pk] = entry
            stack += [(row, entry.path_ids, entry.path_names) for row in reversed(below.get(pk, ()))]
        return cls(
            version,
            entries,
            {parent: tuple(row[0] for row in children) for parent, children in below.items()},
            {entry.path_names: entry.pk for entry in entries.values()},
            {(entry.scope, entry.external_id): entry.pk for entry in entries.values() if entry.external_id},
        )

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[int]:
        return iter(self._entries)

    def __contains__(self, pk: object) -> bool:
        return pk in self._entries

    def name(self, pk: int) -> str:
        """Return the category's own name."""
        return self._entry(pk).name

    def path_ids(self, pk: int) -> tuple[int, ...]:
        """Return the primary keys from the main category to this one."""
        return self._entry(pk).path_ids

    def path_names(self, pk: int) -> tuple[str, ...]:
        """Return the names from the main category to this one."""
        return self._entry(pk).path_names

    def path_text(self, pk: int) -> str:
        """Return the names from the main category to this one, for a person."""
        return PATH_SEPARATOR.join(self.path_names(pk))

    def parent(self, pk: int) -> int | None:
        """Return the primary key one step up, ``None`` for a main category."""
        return self._entry(pk).parent

    def external_id(self, pk: int) -> str | None:
        """Return the host's own key of the category, where it has one."""
        return self._entry(pk).external_id

    def host_key(self, pk: int) -> str:
        """Return what the host's own forms know the category by, as its mirror noted it; empty where it did not."""
        return self._entry(pk).host_key

    def scope(self, pk: int) -> str:
        """Return which of several trees the category belongs to."""
        return self._entry(pk).scope

    def children(self, pk: int | None) -> tuple[int, ...]:
        """Return the primary keys right below, those of the main categories for ``None``."""
        return self._children.get(pk, ())

    def find(self, path_names: Sequence[str]) -> int | None:
        """Return the category with exactly these names along its path."""
        return self._by_path.get(tuple(path_names))

    def by_external_id(self, external_id: str, scope: str = "") -> int | None:
        """Return the category with the host's key, of one of several trees."""
        return self._by_external_id.get((scope, external_id))

    def _entry(self, pk: int) -> _Entry:
        try:
            return self._entries[pk]
        except KeyError:
            raise KeyError(f"Category {pk} is not in the tree (version {self.version}).") from None
