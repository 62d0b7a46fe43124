"""Category trees from text: one path a line, with an id before it or without; and what is no such text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from taxonomy.readers.category_tables import rows_by_level
from taxonomy.readers.paths import path_reader
from taxonomy.readers.table import numbered_lines, read_nameless_table
from taxonomy.rows import NOTHING, CategoryRow, ImportRefused

_FORMS = (
    re.compile(r"(?P<id>\S+)\s*\t\s*(?P<path>.+)"),
    re.compile(r"(?P<id>\S+)\s+[:=]\s+(?P<path>.+)"),
    re.compile(r"(?P<id>\S*\d\S*)\s+[-–—]\s+(?P<path>.+)"),
    re.compile(r"(?P<id>\d+)\s*[.):]\s+(?P<path>.+)"),
    re.compile(r"(?P<id>\d+)\s+(?P<path>.+)"),
)
_BULLET = re.compile(r"[-*•]\s+")
_SQL = re.compile(
    r"\s*(insert\s+into|create\s+table|drop\s+table|alter\s+table|copy\s+\S+.*\sfrom\s|values\s*\()", re.IGNORECASE
)
_PROGRAM = re.compile(
    r"\s*(const|let|var|export|import|return|module\.exports|\$\w+)\b.*[=;({\[]|.*=>|[\]})]+[;,]?\s*$"
)
_YAML_KEY = re.compile(r"\s*(?:-\s+)?([A-Za-z_\"'][\w\"'-]*(?: [\w\"'-]+)*):(\s|$)")


def read_lines(text: str, separator: str | None = None) -> Iterator[CategoryRow] | None:
    """Return the rows of lines, or ``None`` where they have neither ids nor steps. Raises ``ImportRefused``."""
    lines = _lines(text)
    for form in _FORMS:
        matches = [form.fullmatch(line) for _, line in lines]
        if all(matches) and _are_ids([match["id"] for match in matches if match]):
            found = [
                (number, match["id"], match["path"]) for (number, _), match in zip(lines, matches, strict=True) if match
            ]
            return _rows(found, separator)
    reader = path_reader([line for _, line in lines], separator)
    if not reader.separator:
        return None
    return (CategoryRow(path, None, number) for number, line in lines for path in reader.paths(line))


def read_columns(text: str, separator: str | None = None) -> Iterator[CategoryRow] | None:
    """Return the rows of a table without a header whose first or last column is one of ids; ``None`` for any other text."""
    table = read_nameless_table(text)
    if table is None or len(table.header.cells) < 2:
        return None
    records, width = [table.header, *table.records], len(table.header.cells)
    for key in (0, width - 1):
        keys = [record.cells[key] for record in records]
        if not all(re.fullmatch(r"\S*\d\S*", text) for text in keys) or not _are_ids(keys):
            continue
        others = [[cell for place, cell in enumerate(record.cells) if place != key] for record in records]
        if all(not any(cells[1:]) for cells in others):
            return _rows(
                [(r.line, own, cells[0]) for r, own, cells in zip(records, keys, others, strict=True)], separator
            )
        return rows_by_level([(r.line, own, cells) for r, own, cells in zip(records, keys, others, strict=True)])
    return None


def refuse_other_languages(text: str) -> None:
    """Refuse what is written in a language that is not read here. Raises ``ImportRefused``."""
    lines = [line for _, line in _lines(text)]
    if lines[0].startswith("<"):
        found = "XML or HTML"
    elif any(_SQL.match(line) for line in lines):
        found = "SQL"
    elif _is_yaml(lines):
        found = "YAML"
    elif any(_PROGRAM.match(line) for line in lines):
        found = "the text of a program"
    else:
        return
    raise ImportRefused(
        f"This looks like {found}, which is not read here. Export the categories as CSV or JSON. {NOTHING}"
    )


def _is_yaml(lines: Sequence[str]) -> bool:
    if lines[0].strip() == "---":
        return True
    keys = [match for match in map(_YAML_KEY.match, lines) if match]
    most = Counter(match[1] for match in keys).most_common(1)
    repeated = bool(most) and most[0][1] > 1
    opened = any(line.rstrip().endswith(":") for line in lines)
    listed = any(line.lstrip().startswith("- ") for line in lines)
    return repeated or (opened and listed)


def _lines(text: str) -> list[tuple[int, str]]:
    found = [(number, line.strip()) for number, line in numbered_lines(text)]
    if all(_BULLET.match(line) for _, line in found):
        return [(number, _BULLET.sub("", line, count=1)) for number, line in found]
    return found


def _are_ids(texts: Sequence[str]) -> bool:
    """Return whether texts before names are ids: numbers, or each another, with a number or an address among them."""
    if all(text.isdecimal() for text in texts):
        return True
    marked = any(any(sign.isdigit() for sign in text) or "://" in text for text in texts)
    return marked and len(set(texts)) == len(texts)


def _rows(found: Sequence[tuple[int, str, str]], separator: str | None) -> Iterator[CategoryRow]:
    reader = path_reader([path for _, _, path in found], separator)
    return (CategoryRow(reader.path(path), key, number) for number, key, path in found)
