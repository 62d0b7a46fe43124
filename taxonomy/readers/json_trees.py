"""Category trees from JSON: nested, with the parents' keys, with whole paths, or with names for keys of objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from taxonomy.names import clean_name, fold_name
from taxonomy.readers.headers import CHILDREN, IDS, NAMES, PARENTS, PATHS, WRAPPERS
from taxonomy.readers.parents import NO_PARENT, Node, follow_paths, rows_of
from taxonomy.readers.paths import path_reader
from taxonomy.readers.table import fold_header
from taxonomy.rows import NOTHING, CategoryRow, ImportRefused

# "categories" holds children here, and a text of paths in tables alone.
_PATHS = tuple(name for name in PATHS if name not in CHILDREN)
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(r"(\\+)u(d[89a-f][0-9a-f]{2})", re.IGNORECASE)


def read_json(text: str, separator: str | None = None) -> Iterator[CategoryRow]:
    """Yield the categories of a JSON document, or of one object a line. Raises ``ImportRefused``."""
    return _Document(_parse(text), separator).rows()


def _parse(text: str) -> Any:
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    try:
        try:
            document = json.loads(text)
        except json.JSONDecodeError as error:
            if error.msg != "Extra data":
                raise
            return [_parse_line(line, number) for number, line in lines]
        # A sign's half, which no database stores, may stand in what is not read too.
        if _SURROGATE.search(json.dumps(document, ensure_ascii=False)):
            _refuse_surrogate(text)
    except json.JSONDecodeError as error:
        raise ImportRefused(f"Line {error.lineno}: not valid JSON ({error.msg}). {NOTHING}") from error
    except RecursionError as error:
        raise ImportRefused(f"The JSON is nested too deeply to be a category tree. {NOTHING}") from error
    return document


def _parse_line(line: str, number: int) -> Any:
    try:
        document = json.loads(line)
    except json.JSONDecodeError as error:
        raise ImportRefused(f"Line {number}: not valid JSON ({error.msg}). {NOTHING}") from error
    if _SURROGATE.search(json.dumps(document, ensure_ascii=False)):
        raise ImportRefused(f"Line {number}: the text holds half a sign (a lone surrogate). {NOTHING}")
    return document


def _refuse_surrogate(text: str) -> NoReturn:
    # High and low halves follow one another; what is left over is alone. An even number of backslashes escapes none.
    escapes = [match for match in _ESCAPE.finditer(text) if len(match[1]) % 2]
    alone = 0
    for place, match in enumerate(escapes):
        high = match[2][1] in "89abAB"
        following = escapes[place + 1] if place + 1 < len(escapes) else None
        preceding = escapes[place - 1] if place else None
        paired = high and following is not None and following.start() == match.end() and following[2][1] in "cdefCDEF"
        paired = paired or (
            not high and preceding is not None and preceding.end() == match.start() and preceding[2][1] in "89abAB"
        )
        if not paired:
            alone = match.start()
            break
    line = text.count("\n", 0, alone) + 1
    raise ImportRefused(f"Line {line}: the text holds half a sign (a lone surrogate). {NOTHING}")


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
        name = next((entries[wanted] for wanted in NAMES if wanted in entries), None)
        if isinstance(name, dict):
            _refuse_below(above, f"a name comes in {', '.join(map(str, name))}: leave one of them.")
        path = next((entries[wanted] for wanted in _PATHS if _is_path(entries.get(wanted))), None)
        if not isinstance(name, str) and path is None:
            yield from self._visit_frame(value, entries, above)
            return
        node = self._node(entries, name, path, above, key)
        children = [entries[wanted] for wanted in CHILDREN if isinstance(entries.get(wanted), list | dict)]
        yield from ((child, node, None) for child in children)
        for entry, item in value.items():
            if fold_header(entry) not in (*CHILDREN, *_PATHS) and _holds_names(item):
                self._unread.append((node, entry))

    def _visit_frame(self, value: dict[str, Any], entries: dict[str, Any], above: Node | None) -> Iterator[Any]:
        """Go into an object that is no category: one that a tree lies in, or one whose keys are names or ids."""
        frames = [entries[name] for name in WRAPPERS if isinstance(entries.get(name), list | dict)]
        if frames:
            yield from ((frame, above, None) for frame in frames)
            return
        if not value or not all(isinstance(item, list | dict | None) for item in value.values()):
            _refuse_below(above, "every category must be an object with a 'name'.")
        for name, item in value.items():
            if isinstance(item, dict) and any(
                isinstance(item.get(wanted), str) for wanted in item if fold_header(wanted) in NAMES
            ):
                yield item, above, name
                continue
            node = Node(clean_name(name), above=above)
            self._nodes.append(node)
            yield from [(item, node, None)] if item else []

    def _node(self, entries: dict[str, Any], name: Any, path: Any, above: Node | None, key: str | None) -> Node:
        own = next((str(entries[wanted]) for wanted in IDS if _is_key(entries.get(wanted))), key)
        known = self._by_key.get(own or "")
        parent = _parent(entries, path, own)
        node = Node(clean_name(name) if isinstance(name, str) else "", own, parent, above)
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
                self._nodes.append(Node(clean_name(text), above=above))

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
        reader = path_reader(texts, self._separator)
        paths = [reader.path(text) for text in texts]
        pairs = list(zip(paths, self._nodes, strict=True))
        slugs = any(path[-1] != (node.name or path[-1]) for path, node in pairs)
        if slugs and all(path[:-1] in set(paths) or len(path) == 1 for path in paths):
            follow_paths(self._nodes, texts, reader.separator.strip() or "/")
            return rows_of(self._nodes)
        if not all(fold_name(path[-1]) == fold_name(node.name or path[-1]) for path, node in pairs):
            self._nodes[0].refuse("its path does not end with its name, and the paths above are not all in the file.")
        return (CategoryRow(path, node.key) for path, node in pairs)


def _parent(entries: dict[str, Any], path: Any, own: str | None) -> str | None:
    """Return what a category says of its parent: a key or name, "" for none, ``None`` where it says nothing."""
    for wanted in PARENTS:
        if wanted in entries:
            parent = entries[wanted]
            if isinstance(parent, dict):
                inner = {fold_header(name): item for name, item in parent.items()}
                parent = next((inner[name] for name in (*IDS, *NAMES) if name in inner), None)
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


def _holds_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) and _name_of(item) for item in value)


def _refuse_below(above: Node | None, reason: str) -> NoReturn:
    where = f"Below {above.name}" if above is not None else "Below the top of the file"
    raise ImportRefused(f"{where}: {reason} {NOTHING}")
