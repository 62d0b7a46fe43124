"""The nested-set columns that django-mptt keeps beside the parent keys: checking them, and working them out again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from taxonomy.models import Category
from taxonomy.updating import update_categories

_COLUMNS = ("tree_id", "level", "lft", "rght")


@dataclass(frozen=True, slots=True)
class Damage:
    """Something wrong with one category's place in the tree."""

    pk: int
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name!r} ({self.pk}): {self.reason}"


def find_damage() -> Iterator[Damage]:
    """Yield every category whose columns contradict the parent keys, and every loop of parent keys."""
    categories = {category.pk: category for category in Category.objects.all()}
    children = _children(categories)
    looped = set(categories) - set(_depth_first(children))
    for pk in sorted(looped):
        yield Damage(pk, categories[pk].name, "its parents form a loop; give it another parent by hand")
    sizes = _subtree_sizes(children)
    trees: dict[int, int] = {}
    for pk in _depth_first(children):
        category = categories[pk]
        if category.rght != category.lft + 2 * sizes[pk] - 1:
            yield Damage(pk, category.name, f"its interval does not fit the {sizes[pk]} categories of its subtree")
        if category.parent_id is None:
            if trees.setdefault(category.tree_id, pk) != pk:
                yield Damage(pk, category.name, "it shares its tree number with another main category")
            if category.level != 0:
                yield Damage(pk, category.name, "it is a main category, and its level says otherwise")
        elif reason := _conflict_with_parent(category, categories[category.parent_id]):
            yield Damage(pk, category.name, reason)
        yield from _overlaps([categories[child] for child in children.get(pk, ())])


def rebuild_tree_columns() -> int:
    """Work the columns out from the parent keys, siblings by name; return how many categories changed."""
    categories = {category.pk: category for category in Category.objects.all()}
    children = _children(categories)
    sizes = _subtree_sizes(children)
    changed: list[Category] = []
    place: dict[int | None, int] = {}
    for tree_id, pk in enumerate(children.get(None, ()), start=1):
        place[pk] = 1
        _mark(changed, categories[pk], (tree_id, 0, 1, 2 * sizes[pk]))
    for pk in _depth_first(children):
        parent = categories[pk]
        left = place[pk] + 1
        for child in children.get(pk, ()):
            place[child] = left
            right = left + 2 * sizes[child] - 1
            _mark(changed, categories[child], (parent.tree_id, parent.level + 1, left, right))
            left = right + 1
    update_categories(changed, _COLUMNS)
    return len(changed)


def _mark(changed: list[Category], category: Category, wanted: tuple[int, int, int, int]) -> None:
    if tuple(getattr(category, column) for column in _COLUMNS) != wanted:
        changed.append(category)
        for column, value in zip(_COLUMNS, wanted, strict=True):
            setattr(category, column, value)


def _conflict_with_parent(category: Category, parent: Category) -> str:
    if category.tree_id != parent.tree_id:
        return "it is numbered into another tree than its parent"
    if category.level != parent.level + 1:
        return "its level is not one below its parent's"
    if not parent.lft < category.lft < category.rght < parent.rght:
        return "its interval is not within its parent's"
    return ""


def _overlaps(siblings: list[Category]) -> Iterator[Damage]:
    ordered = sorted(siblings, key=lambda category: category.lft)
    for left, right in pairwise(ordered):
        if left.rght >= right.lft:
            yield Damage(right.pk, right.name, f"its interval overlaps that of {left.name!r}")


_Children = dict[int | None, list[int]]


def _children(categories: dict[int, Category]) -> _Children:
    children: _Children = defaultdict(list)
    for category in sorted(categories.values(), key=lambda category: (category.name, category.pk)):
        children[category.parent_id].append(category.pk)
    return children


def _depth_first(children: _Children) -> Iterator[int]:
    """Yield the categories that can be reached from the main ones, parents before children."""
    stack = list(reversed(children.get(None, ())))
    while stack:
        pk = stack.pop()
        yield pk
        stack.extend(reversed(children.get(pk, ())))


def _subtree_sizes(children: _Children) -> dict[int, int]:
    order = list(_depth_first(children))
    sizes = dict.fromkeys(order, 1)
    for pk in reversed(order):
        sizes[pk] += sum(sizes[child] for child in children.get(pk, ()))
    return sizes
