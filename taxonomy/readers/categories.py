"""Category trees from CSV, JSON, and the "id - A > B > C" text that product taxonomies are published in."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

from taxonomy.bulk import CategoryRow, ImportRefused

SEPARATOR = ">"
PATH_COLUMNS = ("category_path", "path", "full_path", "categoria", "category")
ID_COLUMNS = ("external_id", "id", "category_id")
_LEVEL_COLUMN = re.compile(r"(?:level|nivel|l)[ _-]?(\d+)", re.IGNORECASE)
_NUMBERED_LINE = re.compile(r"(?P<id>\S+)\s+-\s+(?P<path>.+)")


def read_categories(text: str) -> Iterator[CategoryRow]:
    """Yield the categories of a file's text, its form told by how it begins. Raises ``ImportRefused``."""
    start = text.lstrip()[:1]
    if not start:
        return iter(())
    if start in ("[", "{"):
        return _read_json(text)
    header = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    columns = [column.strip().lower() for column in next(csv.reader([header], delimiter=_delimiter(header)), [])]
    if any(column in PATH_COLUMNS or _LEVEL_COLUMN.fullmatch(column) for column in columns):
        return _read_csv(text, _delimiter(header))
    if SEPARATOR in text or _NUMBERED_LINE.match(header):
        return _read_lines(text)
    raise ImportRefused(
        "The form of the file is not known. Expected: CSV with a column 'path' (A > B > C) or columns 'level1', 'level2', "
        "...; a JSON tree of objects with 'name' and 'children'; or lines such as '12 - A > B > C'."
    )


def split_path(text: str) -> tuple[str, ...]:
    """Return the names of "A > B > C"."""
    return tuple(name.strip() for name in text.split(SEPARATOR))


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _read_csv(text: str, delimiter: str) -> Iterator[CategoryRow]:
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
        path_column = next((names[name] for name in PATH_COLUMNS if name in names), None)
        id_column = next((names[name] for name in ID_COLUMNS if name in names), None)
        levels = sorted((int(m[1]), names[name]) for name in names if (m := _LEVEL_COLUMN.fullmatch(name)))
        for record in reader:
            if None in record or None in record.values():
                raise ImportRefused(f"Line {reader.line_num}: the number of columns is not the header's. {NOTHING}")
            if path_column is not None:
                path = split_path(record[path_column])
            else:
                path = _level_path([record[column].strip() for _, column in levels], reader.line_num)
            key = record[id_column].strip() or None if id_column is not None else None
            yield CategoryRow(path, key, reader.line_num)
    except csv.Error as error:
        raise ImportRefused(f"Line {reader.line_num}: {error}. {NOTHING}") from error


NOTHING = "Nothing was imported."


def _level_path(names: list[str], line: int) -> tuple[str, ...]:
    filled = [name for name in names if name]
    if names[: len(filled)] != filled:
        raise ImportRefused(f"Line {line}: a level is empty and a deeper one is not. {NOTHING}")
    return tuple(filled)


def _read_lines(text: str) -> Iterator[CategoryRow]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        numbered = _NUMBERED_LINE.fullmatch(line.strip())
        if numbered:
            yield CategoryRow(split_path(numbered["path"]), numbered["id"], number)
        else:
            yield CategoryRow(split_path(line), None, number)


def _read_json(text: str) -> Iterator[CategoryRow]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise ImportRefused(f"Line {error.lineno}: not valid JSON ({error.msg}). {NOTHING}") from error
    except RecursionError as error:
        raise ImportRefused(f"The JSON is nested too deeply to be a category tree. {NOTHING}") from error
    pending: list[tuple[Any, tuple[str, ...]]] = [(document, ())]
    while pending:
        node, above = pending.pop()
        if isinstance(node, list):
            pending += [(item, above) for item in reversed(node)]
            continue
        where = " > ".join(above) or "the top of the file"
        if not isinstance(node, dict) or not isinstance(node.get("name"), str):
            raise ImportRefused(f"Below {where}: every category must be an object with a 'name'. {NOTHING}")
        children = node.get("children") or []
        if not isinstance(children, list):
            raise ImportRefused(f"Below {where}: 'children' of {node['name']!r} must be a list. {NOTHING}")
        path = (*above, node["name"].strip())
        key = next((str(node[name]) for name in ID_COLUMNS if node.get(name) not in (None, "")), None)
        yield CategoryRow(path, key)
        pending.append((children, path))
