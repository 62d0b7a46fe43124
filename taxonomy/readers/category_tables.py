"""Category trees from CSV: a column of paths, one column per level, or names with the parents' keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from taxonomy.names import clean_name
from taxonomy.readers.headers import BELOW, IDS, NAMES, PARENTS, PATHS
from taxonomy.readers.parents import NO_PARENT, Node, rows_of
from taxonomy.readers.paths import are_paths, path_reader
from taxonomy.readers.table import Table, fold_header
from taxonomy.rows import NOTHING, CategoryRow, ImportRefused

_LEVEL = re.compile(r"(?:level|nivel|ebene|tier|lvl|lv|l)(\d+)(?:name)?")
# One column per language: "name(en-gb)".
_TRANSLATED_NAME = re.compile(r"name[a-z]{2,5}")


def is_category_column(folded: str) -> bool:
    """Return whether a column of this folded name tells something of categories."""
    below = any(folded in names for names in BELOW)
    return below or folded in (*IDS, *NAMES, *PARENTS, *PATHS) or bool(_LEVEL.fullmatch(folded))


def read_category_table(table: Table, separator: str | None = None) -> Iterator[CategoryRow] | None:
    """Return the rows of a table, or ``None`` where its header says nothing of categories. Raises ``ImportRefused``."""
    names, parent, path = _name_column(table), table.column(PARENTS), table.column(PATHS)
    if names is not None and parent is not None:
        return rows_of(_nodes(table, names, parent))
    levels = _level_columns(table)
    if len(levels) > 1 or (levels and path is None):
        return _rows_by_level(table, levels)
    keys = table.columns(IDS)
    key = keys[0] if keys else None
    if path is not None:
        return _rows_by_path(table, path, key, separator)
    if names is not None:
        return _rows_by_name(table, names, key, separator)
    return None


def rows_by_level(records: Sequence[tuple[int, str | None, Sequence[str]]]) -> Iterator[CategoryRow]:
    """Yield the rows of (line, key, names by level); empty levels before the first name are those of the line above.

    Raises ``ImportRefused`` where a level between two others is empty.
    """
    before: tuple[str, ...] = ()
    for line, key, cells in records:
        names = [clean_name(cell) for cell in cells]
        filled = [place for place, name in enumerate(names) if name]
        first, last = (filled[0], filled[-1]) if filled else (0, -1)
        inside = names[first : last + 1]
        if not all(inside) or first > len(before):
            raise ImportRefused(f"Line {line}: a level is empty and a deeper one is not. {NOTHING}")
        before = (*before[:first], *inside)
        yield CategoryRow(before if filled else (), key, line)


def _name_column(table: Table) -> int | None:
    column = table.column(NAMES)
    if column is not None:
        return column
    folded = [fold_header(cell) for cell in table.header.cells]
    translated = [place for place, name in enumerate(folded) if _TRANSLATED_NAME.fullmatch(name)]
    if len(translated) > 1:
        columns = ", ".join(table.header.cells[place] for place in translated)
        raise ImportRefused(f"The names come in several languages ({columns}): leave one of these columns. {NOTHING}")
    return translated[0] if translated else None


def _level_columns(table: Table) -> list[int]:
    folded = [fold_header(cell) for cell in table.header.cells]
    matches = [(_LEVEL.fullmatch(name), place) for place, name in enumerate(folded)]
    numbered = sorted((int(match[1]), place) for match, place in matches if match)
    if numbered:
        return [place for _, place in numbered]
    columns = [table.column(names) for names in BELOW]
    present = [column for column in columns if column is not None]
    return present if len(present) > 1 else []


def _nodes(table: Table, name: int, parent: int) -> list[Node]:
    key = _key_column(table, parent)
    return [
        Node(
            clean_name(record.cells[name]),
            (record.cells[key] or None) if key is not None else None,
            record.cells[parent],
            None,
            record.line,
        )
        for record in table.records
    ]


def _key_column(table: Table, parent: int) -> int | None:
    """Return the column of keys that the parents' keys are found in, or the first where they are in none."""
    columns = table.columns(IDS)
    told = {record.cells[parent] for record in table.records} - {""}
    for column in columns:
        keys = {record.cells[column] for record in table.records}
        if all(key in keys or key.casefold() in NO_PARENT for key in told):
            return column
    return columns[0] if columns else None


def _rows_by_level(table: Table, levels: Sequence[int]) -> Iterator[CategoryRow]:
    keys = table.columns(IDS)
    records = []
    for record in table.records:
        key = record.cells[keys[0]] or None if keys else None
        records.append((record.line, key, [record.cells[level] for level in levels]))
    return rows_by_level(records)


def _rows_by_path(table: Table, column: int, key: int | None, separator: str | None) -> Iterator[CategoryRow]:
    reader = path_reader([record.cells[column] for record in table.records], separator)
    for record in table.records:
        own = record.cells[key] or None if key is not None else None
        paths = reader.paths(record.cells[column])
        if own is not None and len(paths) > 1:
            raise ImportRefused(f"Line {record.line}: one id stands beside several paths. {NOTHING}")
        yield from (CategoryRow(path, own, record.line) for path in paths)


def _rows_by_name(table: Table, column: int, key: int | None, separator: str | None) -> Iterator[CategoryRow]:
    names = [record.cells[column] for record in table.records]
    if separator is not None or are_paths(names, ">"):
        return _rows_by_path(table, column, key, separator or ">")
    return (
        CategoryRow(
            (clean_name(record.cells[column]),), record.cells[key] or None if key is not None else None, record.line
        )
        for record in table.records
    )
