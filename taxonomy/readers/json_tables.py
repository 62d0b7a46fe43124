"""Lists of JSON objects that nest nothing: a table, whose columns are the keys."""

from __future__ import annotations

from typing import Any

from taxonomy.readers.headers import CHILDREN, NAMES, PATHS, WRAPPERS, is_children, is_parent
from taxonomy.readers.table import Record, Table, fold_header


def flat_table(document: Any) -> Table | None:
    """Return the objects or the texts of a list as a table, or ``None`` where they hold what only a reader of trees can read.

    The list may lie in objects of no meaning of their own. Lists and objects that tell nothing of categories are left out.
    """
    while isinstance(document, dict) and not any(fold_header(name) in NAMES for name in document):
        inner = [value for name, value in document.items() if fold_header(name) in WRAPPERS and value]
        if len(inner) != 1:
            return None
        document = inner[0]
    if isinstance(document, list) and all(isinstance(item, str) for item in document):
        return Table(Record(None, ("path",)), [Record(None, (item.strip(),)) for item in document])
    if not isinstance(document, list) or not all(isinstance(item, dict) and _is_flat(item) for item in document):
        return None
    names = list(dict.fromkeys(name for item in document for name in item))
    rows = dict.fromkeys(tuple(_cell(item.get(name)) for name in names) for item in document)
    return Table(Record(None, tuple(names)), [Record(None, cells) for cells in rows])


def _is_flat(item: dict[str, Any]) -> bool:
    return not any(
        isinstance(value, list | dict) and value and _tells(fold_header(name), value) for name, value in item.items()
    )


def _tells(folded: str, value: Any) -> bool:
    """Return whether a list or an object under a key of this name may tell of categories."""
    if folded in (*CHILDREN, *PATHS, *NAMES, *WRAPPERS) or is_children(folded) or is_parent(folded):
        return True
    values = value if isinstance(value, list) else [value]
    return all(isinstance(item, dict) and any(fold_header(name) in NAMES for name in item) for item in values)


def _cell(value: Any) -> str:
    if value is None or isinstance(value, list | dict):
        return ""
    return str(value).strip()
