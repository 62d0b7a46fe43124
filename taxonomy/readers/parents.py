"""From categories that name their parents, by key, slug or name, or contain their children, to their paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from taxonomy.names import fold_name
from taxonomy.readers.paths import read_name
from taxonomy.rows import NOTHING, CategoryRow, ImportRefused

# What a main category may have in place of a parent's key.
NO_PARENT = {"", "0", "-1", "null", "none", "nil", "nan", "n/a", "root", "\\n", "-"}


@dataclass(slots=True, eq=False)
class Node:
    """A category as a file has it.

    Attributes
    ----------
    parent : the key, slug or name of the parent, as the file says it; "" for a main category, ``None`` if the file says nothing.
    above : the category that it is nested in, if the file nests them.
    slug : another name by which the file may refer to it.
    """

    name: str
    key: str | None = None
    parent: str | None = None
    above: Node | None = None
    line: int | None = None
    slug: str | None = None

    def __post_init__(self) -> None:
        self.name = read_name(self.name)

    def refuse(self, reason: str) -> NoReturn:
        """Raise the error that says what is wrong with this node."""
        where = f"Line {self.line}" if self.line is not None else f"{self.name!r}"
        raise ImportRefused(f"{where}: {reason} {NOTHING}")


def rows_of(nodes: Sequence[Node]) -> Iterator[CategoryRow]:
    """Yield the nodes with their paths. Raises ``ImportRefused`` for missing parents, and for loops of parents."""
    parents = _Parents(nodes)
    paths: dict[Node, tuple[str, ...]] = {}
    for node in nodes:
        chain: list[Node] = []
        current: Node | None = node
        while current is not None and current not in paths:
            if current in chain:
                node.refuse("its parents form a loop.")
            chain.append(current)
            current = parents.of(current)
        for step in reversed(chain):
            paths[step] = (*paths[current], step.name) if current is not None else (step.name,)
            current = step
        yield CategoryRow(paths[node], node.key, node.line)


def follow_paths(nodes: Sequence[Node], paths: Sequence[str], separator: str) -> None:
    """Set ``above`` of nodes by their paths of keys or slugs: "1/4/12" is below "1/4".

    Raises ``ImportRefused`` where no node has the path above.
    """
    own = {path.strip(separator): node for node, path in zip(nodes, paths, strict=True)}
    for path, node in own.items():
        above = path.rpartition(separator)[0]
        if above and above not in own:
            node.refuse(f"no category has the path {above!r}, which its own path begins with.")
        node.above = own.get(above)


class _Parents:
    """Finds the parents of nodes by what the nodes say of them."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._by_key: dict[str, Node] = {}
        for node in nodes:
            if node.key is not None and self._by_key.setdefault(node.key, node) is not node:
                node.refuse(f"the id {node.key!r} appears twice.")
        slugs = Counter(node.slug for node in nodes)
        self._by_slug = {node.slug: node for node in nodes if slugs[node.slug] == 1}
        counts = Counter(fold_name(node.name) for node in nodes)
        self._by_name = {fold_name(node.name): node for node in nodes if counts[fold_name(node.name)] == 1}
        self._ambiguous = {name for name, count in counts.items() if count > 1}
        self._top = self._top_left_out(nodes)

    def of(self, node: Node) -> Node | None:
        """Return a node's parent, ``None`` for a main category. A node that names itself as parent is a main category."""
        told = (node.parent or "").strip()
        found = self._by_key.get(told) or self._by_key.get(told.removesuffix(".0"))
        if found is None and told:
            found = self._by_slug.get(told)
        if found is None:
            if node.above is not None or told.casefold() in NO_PARENT:
                return node.above
            found = self._by_name.get(fold_name(told))
        if found is not None:
            return None if found is node else found
        if fold_name(told) in self._ambiguous:
            node.refuse(f"its parent {told!r} is the name of several categories.")
        if told == self._top:
            # A part of a tree was exported: all main categories name the category above it, which is not in the file.
            return None
        node.refuse(f"its parent {told!r} is not in the file. Add it, or say nothing of it if this is a main category.")

    def _top_left_out(self, nodes: Sequence[Node]) -> str | None:
        """Return the parent that all topmost nodes name, if it is the same for all and not in the file.

        If it is only one node that names it, and the file nests no nodes, the parent was rather forgotten: then ``None``.
        """
        told = [(node.parent or "").strip() for node in nodes if node.above is None]
        if any(text.casefold() in NO_PARENT for text in told):
            return None
        known = {*self._by_key, *self._by_slug, *self._by_name, *self._ambiguous}
        absent = Counter(text for text in told if not {text, text.removesuffix(".0"), fold_name(text)} & known)
        nested = any(node.above is not None for node in nodes)
        return next(iter(absent)) if len(absent) == 1 and (nested or absent.total() > 1) else None
