"""Category trees from JSON: nested, with the parents' keys, with whole paths, or with names for keys of objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from taxonomy.names import fold_name
from taxonomy.readers.category_tables import read_category_table
from taxonomy.readers.headers import (
    BELOW,
    CHILDREN,
    IDS,
    NAMES,
    PARENTS,
    PATHS,
    SLUGS,
    is_children,
    is_parent,
    is_wrapper,
)
from taxonomy.readers.json_documents import parse_json
from taxonomy.readers.json_tables import flat_table
from taxonomy.readers.named_paths import rows_of_named_paths
from taxonomy.readers.parents import NO_PARENT, Node, rows_of
from taxonomy.readers.table import fold_header
from taxonomy.rows import NOTHING, CategoryRow, ImportRefused

# "categories" holds children here, and a text of paths in tables alone.
_PATHS = tuple(name for name in PATHS if name not in CHILDREN)
# What else a category that holds others may call its name.
_LEVELS = tuple(name for names in BELOW for name in names)
KEYS_SHOWN = 100


def read_json(text: str, separator: str | None = None) -> Iterator[CategoryRow]:
    """Yield the categories of a JSON document, or of one object a line. Raises ``ImportRefused``."""
    document = parse_json(text, "categor")
    table = flat_table(document)
    rows = read_category_table(table, separator) if table is not None else None
    return rows if rows is not None else _Document(document, separator).rows()


class _Document:
    """The nodes of a document, gathered from the top down."""

    def __init__(self, document: Any, separator: str | None) -> None:
        self._separator = separator
        self._nodes: list[Node] = []
        self._by_key: dict[str, Node] = {}
        self._paths: dict[Node, str] = {}
        self._references: list[tuple[Node, Any]] = []
        self._unread: list[tuple[Node, str]] = []
        pending: list[tuple[Any, Node | None, str | None]] = [(document, None, None)]
        while pending:
            pending += reversed(list(self._visit(*pending.pop())))

    def rows(self) -> Iterator[CategoryRow]:
        """Return the rows."""
        self._follow_references()
        self._leave_out_frames()
        structured = any(node.above is not None or node.parent is not None for node in self._nodes)
        if not structured and self._paths:
            return self._rows_by_path()
        if not structured and self._unread:
            node, entry = self._unread[0]
            node.refuse(f"{entry!r} holds objects with names; if they are its children, call it 'children'.")
        return rows_of(self._nodes)

    def _visit(self, value: Any, above: Node | None, key: str | None) -> Iterator[tuple[Any, Node | None, str | None]]:
        """Take one value in, and yield what lies in it, with the node that it lies in and the key that it stands under."""
        if isinstance(value, list):
            yield from ((item, above, None) for item in value)
        elif isinstance(value, dict):
            yield from self._visit_object(value, above, key)
        elif isinstance(value, str) and above is not None and not value.strip().isdecimal():
            self._references.append((above, value))
        elif isinstance(value, str | int) and not isinstance(value, bool) and above is not None:
            self._references.append((above, str(value)))
        elif value is not None:
            _refuse_below(above, "every category must be an object with a 'name'.")

    def _visit_object(self, value: dict[str, Any], above: Node | None, key: str | None) -> Iterator[Any]:
        entries = {fold_header(name): item for name, item in reversed(value.items())}
        if isinstance(entries.get("category"), dict):
            entries.update({fold_header(name): item for name, item in entries.pop("category").items()})
        children = [item for entry, item in entries.items() if is_children(entry) and isinstance(item, list | dict)]
        name = next((entries[wanted] for wanted in NAMES if wanted in entries), None)
        if name is None and children:
            name = next((entries[wanted] for wanted in _LEVELS if isinstance(entries.get(wanted), str)), None)
        if isinstance(name, dict):
            _refuse_below(above, f"a name comes in {', '.join(map(str, name))}: leave one of them.")
        path = next((entries[wanted] for wanted in _PATHS if _is_path(entries.get(wanted))), None)
        if not isinstance(name, str) and path is None:
            yield from self._visit_frame(value, entries, above)
            return
        node = self._node(entries, name, path, above, key)
        yield from ((child, node, None) for child in children)
        for entry, item in value.items():
            if not is_children(fold_header(entry)) and fold_header(entry) not in _PATHS and _holds_names(item):
                self._unread.append((node, entry))

    def _visit_frame(self, value: dict[str, Any], entries: dict[str, Any], above: Node | None) -> Iterator[Any]:
        """Go into an object that is no category: one that a tree lies in, or one whose keys are names or ids."""
        frames = [item for name, item in entries.items() if is_wrapper(name) and _may_hold_objects(item)]
        if frames:
            yield from ((frame, above, None) for frame in frames)
            return
        if not value or not all(isinstance(item, list | dict | None) for item in value.values()):
            keys = ", ".join(map(repr, value))[:KEYS_SHOWN] or "nothing"
            _refuse_below(above, f"an object has no 'name', only {keys}. Call its name 'name'.")
        for name, item in value.items():
            if isinstance(item, dict) and any(
                isinstance(item.get(wanted), str) for wanted in item if fold_header(wanted) in NAMES
            ):
                yield item, above, name
                continue
            node = Node(name, above=above)
            self._nodes.append(node)
            yield from [(item, node, None)] if item else []

    def _node(self, entries: dict[str, Any], name: Any, path: Any, above: Node | None, key: str | None) -> Node:
        # Of objects under their own names the names are no keys.
        own = next(
            (str(entries[wanted]) for wanted in IDS if _is_key(entries.get(wanted))), None if key == name else key
        )
        known = self._by_key.get(own or "")
        parent = _parent(entries, path, own)
        slug = next((entries[wanted] for wanted in SLUGS if isinstance(entries.get(wanted), str)), None)
        node = Node(name if isinstance(name, str) else "", own, parent, above, slug=slug)
        if known is None:
            self._nodes.append(node)
            if own is not None:
                self._by_key[own] = node
        elif node.name and fold_name(known.name) != fold_name(node.name):
            node.refuse(f"the id {own!r} is that of {known.name!r} too.")
        else:
            # A category is named among its parent's children and described in full elsewhere.
            known.parent = known.parent if known.parent is not None else parent
            known.above = known.above or (above if above is not known else None)
            node = known
        if path is not None and node not in self._paths:
            self._paths[node] = path if isinstance(path, str) else " > ".join(filter(None, map(_name_of, path)))
        return node

    def _follow_references(self) -> None:
        """Take the texts and numbers among children for keys of categories, or else for names."""
        for above, text in self._references:
            if text in self._by_key:
                known = self._by_key[text]
                known.above = known.above or above
            elif text.isdecimal():
                above.refuse(f"its child {text} is not in the file.")
            else:
                self._nodes.append(Node(text, above=above))

    def _leave_out_frames(self) -> None:
        """Leave out what only groups categories whose parents are told: it has no key, and none is said to be below it."""
        inner: dict[Node, list[Node]] = {}
        for node in self._nodes:
            if node.above is not None:
                inner.setdefault(node.above, []).append(node)
        for frame, nodes in inner.items():
            told = [node.parent for node in nodes]
            if frame.key is None and all(
                parent is not None and (parent.casefold() in NO_PARENT or parent in self._by_key) for parent in told
            ):
                self._nodes.remove(frame)
                for node in nodes:
                    node.above = None

    def _rows_by_path(self) -> Iterator[CategoryRow]:
        texts = [self._paths.get(node, node.name) for node in self._nodes]
        return rows_of_named_paths(self._nodes, texts, self._separator)


def _parent(entries: dict[str, Any], path: Any, own: str | None) -> str | None:
    """Return what a category says of its parent: a key or name, "" for none, ``None`` where it says nothing."""
    for wanted in (*PARENTS, *filter(is_parent, entries)):
        if wanted in entries:
            parent = entries[wanted]
            if isinstance(parent, list):
                parent = parent[-1] if parent else None
            if isinstance(parent, dict):
                inner = {fold_header(name): item for name, item in parent.items()}
                parent = next((inner[name] for name in (*IDS, *SLUGS, *NAMES) if inner.get(name)), None)
            return "" if parent is None else str(parent).strip()
    if isinstance(path, list) and all(isinstance(step, dict) for step in path) and own is not None:
        keys = [str(step["id"]) for step in path if _is_key(step.get("id"))]
        above = keys[: keys.index(own)] if own in keys else keys
        return above[-1] if above else ""
    return None


def _is_key(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and str(value) != ""


def _is_path(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_name_of(step) for step in value)
    return isinstance(value, str) and bool(value.strip())


def _name_of(step: Any) -> str:
    if isinstance(step, dict):
        return next((str(item) for name, item in step.items() if fold_header(name) in NAMES), "")
    return step if isinstance(step, str) else ""


def _may_hold_objects(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and not any(isinstance(item, str | int) for item in value)
    )


def _holds_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) and _name_of(item) for item in value)


def _refuse_below(above: Node | None, reason: str) -> NoReturn:
    where = f"Below {above.name}" if above is not None else "Below the top of the file"
    raise ImportRefused(f"{where}: {reason} {NOTHING}")
