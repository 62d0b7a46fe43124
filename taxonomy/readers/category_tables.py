"""Category trees from CSV: a column of paths, one column per level, or names with the parents' keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from taxonomy.readers.headers import (
    BELOW,
    DEPTHS,
    IDS,
    KEYS_OF_CATEGORIES,
    NAMES,
    PARENTS,
    PATHS,
    SLUGS,
    is_parent,
)
from taxonomy.readers.named_paths import rows_of_named_paths
from taxonomy.readers.parents import NO_PARENT, Node, rows_of
from taxonomy.readers.paths import are_paths, path_reader, read_name
from taxonomy.readers.table import Record, Table, fold_header
from taxonomy.rows import NOTHING, CategoryRow, ImportRefused

_LEVEL = re.compile(r"(?:category|categoria|cat)?(?:level|nivel|ebene|tier|lvl|lv|l)(\d+)(?:name|category|categoria)?")
_LEVEL_ENDINGS = ("category", "categoria")
# One column per language: "name(en-gb)".
_TRANSLATED_NAME = re.compile(r"name[a-z]{2,5}")


def is_category_column(folded: str) -> bool:
    """Return whether a column of this folded name tells something of categories."""
    below = any(folded in names for names in BELOW)
    return below or folded in (*IDS, *NAMES, *PATHS) or is_parent(folded) or bool(_LEVEL.fullmatch(folded))


def read_category_table(table: Table, separator: str | None = None) -> Iterator[CategoryRow] | None:
    """Return the rows of a table, or ``None`` where its header says nothing of categories. Raises ``ImportRefused``."""
    names, parent, path = _name_column(table), _parent_column(table), table.column(PATHS)
    if names is not None and parent is not None:
        return rows_of(_nodes(table, names, _key_column(table, parent), parent))
    levels = _level_columns(table)
    if len(levels) > 1 or (levels and path is None):
        return _rows_by_level(table, levels)
    keys = table.columns(IDS)
    key = keys[0] if keys else None
    if path is not None:
        return _rows_by_path(table, path, names, key, separator)
    if names is not None:
        return _rows_by_name(table, names, key, separator)
    return None


def rows_by_level(records: Sequence[tuple[int | None, str | None, Sequence[str]]]) -> Iterator[CategoryRow]:
    """Yield the rows of (line, key, names by level); empty levels before the first name are those of the line above.

    Raises ``ImportRefused`` where a level between two others is empty.
    """
    before: tuple[str, ...] = ()
    for line, key, cells in records:
        names = [read_name(cell) for cell in cells]
        filled = [place for place, name in enumerate(names) if name]
        first, last = (filled[0], filled[-1]) if filled else (0, -1)
        inside = names[first : last + 1]
        if not all(inside) or first > len(before):
            raise CategoryRow(tuple(filter(None, names)), key, line).refuse("a level is empty and a deeper one is not.")
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


def _parent_column(table: Table) -> int | None:
    column = table.column(PARENTS)
    if column is not None:
        return column
    folded = [fold_header(cell) for cell in table.header.cells]
    return next((place for place, name in enumerate(folded) if is_parent(name)), None)


def _level_columns(table: Table) -> list[int]:
    folded = [fold_header(cell) for cell in table.header.cells]
    matches = [(_LEVEL.fullmatch(name), place) for place, name in enumerate(folded)]
    numbered = sorted((int(match[1]), place) for match, place in matches if match)
    if numbered:
        return [place for _, place in numbered]
    columns = [table.column(names) for names in BELOW]
    present = [column for column in columns if column is not None]
    if len(present) < 2:
        return []
    for place, name in enumerate(folded):
        if place not in present and name.endswith(_LEVEL_ENDINGS):
            raise ImportRefused(
                f"The column {table.header.cells[place]!r} may be a level too: call the levels 'level1', 'level2' and so on, "
                f"or leave it out. {NOTHING}"
            )
    return present


def _nodes(table: Table, name: int, key: int | None, parent: int | None) -> list[Node]:
    slug = table.column(SLUGS)
    return [
        Node(
            record.cells[name],
            _cell(record, key),
            record.cells[parent] if parent is not None else None,
            None,
            record.line,
            _cell(record, slug),
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


def _rows_by_path(
    table: Table, column: int, names: int | None, key: int | None, separator: str | None
) -> Iterator[CategoryRow]:
    texts = [record.cells[column] for record in table.records]
    if names is not None and names != column:
        headers = [fold_header(table.header.cells[place]) for place in (column, names)]
        filed = "categor" in headers[0] and "cat" not in headers[1]
        yield from rows_of_named_paths(_nodes(table, names, key, None), texts, separator, filed=filed)
        return
    reader = path_reader(texts, separator)
    for record, text in zip(table.records, texts, strict=True):
        own = _cell(record, key)
        paths = reader.paths(text)
        if own is not None and len(paths) > 1:
            raise CategoryRow(paths[0], own, record.line).refuse("one id stands beside several paths.")
        yield from (CategoryRow(path, own, record.line) for path in paths)


def _rows_by_name(table: Table, names: int, key: int | None, separator: str | None) -> Iterator[CategoryRow]:
    texts = [record.cells[names] for record in table.records]
    if separator is not None or (any(">" in text for text in texts) and are_paths(texts, ">")):
        return _rows_by_path(table, names, None, key, separator or ">")
    _refuse_keys_of_others(table)
    depth = table.column(DEPTHS)
    if depth is not None:
        return _rows_by_depth(table, names, key, depth)
    return rows_of(_nodes(table, names, key, None))


def _rows_by_depth(table: Table, names: int, key: int | None, depth: int) -> Iterator[CategoryRow]:
    """Yield rows that stand below one another in the file, each with a number for how deep it is."""
    told = [record.cells[depth] for record in table.records]
    numbers = [int(text) if text.isdecimal() else None for text in told]
    top = numbers[0] if numbers else None
    path: tuple[str, ...] = ()
    for node, number in zip(_nodes(table, names, key, None), numbers, strict=True):
        if number is None or top is None or not 0 <= number - top <= len(path):
            raise CategoryRow((node.name,), node.key, node.line).refuse(
                f"its {table.header.cells[depth]!r} does not follow from the line above. Tell the parents in a column "
                "'parent_id', or leave this one out."
            )
        path = (*path[: number - top], node.name)
        yield CategoryRow(path, node.key, node.line)


def _refuse_keys_of_others(table: Table) -> None:
    """Refuse names beside the keys of what they lie in, where that is in another file."""
    for column in table.columns(KEYS_OF_CATEGORIES):
        told = [record.cells[column] for record in table.records]
        if len(set(told)) < len(told):
            raise ImportRefused(
                f"The keys in {table.header.cells[column]!r} stand on several lines: those of parents in another file? "
                f"Put both into one file, with the parents' keys in a column 'parent_id'. {NOTHING}"
            )


def _cell(record: Record, place: int | None) -> str | None:
    return (record.cells[place] or None) if place is not None else None
