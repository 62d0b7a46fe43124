"""Category trees from text: one path a line, with an id before it or without; and what is no such text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from taxonomy.names import clean_name
from taxonomy.readers.category_tables import rows_by_level
from taxonomy.readers.paths import path_reader
from taxonomy.readers.table import numbered_lines, read_nameless_table, text_lines
from taxonomy.rows import NOTHING, CategoryRow, ImportRefused

_FORMS = (
    re.compile(r"(?P<id>\S+)\s*\t\s*(?P<path>.+)"),
    re.compile(r"(?P<id>\S+)\s+[:=]\s+(?P<path>.+)"),
    re.compile(r"(?P<id>\S*\d\S*)\s+[-–—]\s+(?P<path>.+)"),
    re.compile(r"(?P<id>\d+)\s*[.):]\s+(?P<path>.+)"),
    re.compile(r"(?P<id>\d+)\s+(?P<path>.+)"),
)
_BULLET = re.compile(r"[-*+•]\s+")
_QUOTED = re.compile(r'"[^"]*"')
_HEADING = re.compile(r"^#{2,6} \S", re.MULTILINE)
_SQL = re.compile(
    r"\s*(insert\s+into|create\s+table|drop\s+table|alter\s+table|copy\s+\S+.*\sfrom\s|values\s*\()", re.IGNORECASE
)
_PROGRAM = re.compile(
    r"\s*(const|let|var|export|import|return|module\.exports|\$\w+)\b.*[=;({\[]|.*=>|[\]})]+[;,]?\s*$"
)
_YAML_KEY = re.compile(r"\s*(?:-\s+)?([A-Za-z_\"'][\w\"'-]*(?: [\w\"'-]+)*):(\s|$)")

TAB = 4
HEADER_SHOWN = 100


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


def read_outline(text: str) -> Iterator[CategoryRow] | None:
    """Return the rows of lines that stand below one another by their indentation, with bullets or without.

    ``None`` where no line is indented, one holds a path, or it is a table. Raises ``ImportRefused`` for an indentation that no
    line above has.
    """
    lines = [(number, line.expandtabs(TAB)) for number, line in numbered_lines(text)]
    if not any(line.startswith(" ") for _, line in lines) or any(" > " in line for _, line in lines):
        return None
    if any(sign in next(text_lines(text)) for sign in ";\t|") or all("," in line for _, line in lines):
        # A table, the first cells of which may be empty.
        return None
    return _outline(lines)


def _outline(lines: Sequence[tuple[int, str]]) -> Iterator[CategoryRow]:
    above: list[tuple[int, str]] = []
    before = -1
    for number, line in lines:
        name = line.lstrip()
        indent = len(line) - len(name)
        if indent <= before and indent not in {other for other, _ in above}:
            raise ImportRefused(f"Line {number}: no line above is indented as this one is. {NOTHING}")
        above = [step for step in above if step[0] < indent]
        above.append((indent, clean_name(_BULLET.sub("", name, count=1))))
        before = indent
        yield CategoryRow(tuple(step for _, step in above), None, number)


def refuse_unknown_table(text: str) -> None:
    """Refuse a table whose columns are not known, before it is taken for lines of paths. Raises ``ImportRefused``."""
    bare = [_QUOTED.sub("", line) for _, line in numbered_lines(text)]
    delimiter = max(",;\t", key=bare[0].count)
    columns = bare[0].count(delimiter)
    # Names have commas too, with a space behind them.
    if (
        len(bare) > 1
        and columns
        and f"{delimiter} " not in bare[0]
        and all(line.count(delimiter) >= columns for line in bare)
    ):
        header = next(text_lines(text))[:HEADER_SHOWN]
        raise ImportRefused(
            f"None of the columns of {header!r} is known. Name one 'path', or one 'name' and one 'parent_id'. {NOTHING}"
        )


def refuse_other_languages(text: str) -> None:
    """Refuse what is written in a language that is not read here. Raises ``ImportRefused``."""
    lines = [line for _, line in _lines(text)]
    if _HEADING.search(text) and all(_BULLET.match(line.lstrip()) for _, line in numbered_lines(text)):
        found = "Markdown with headings"
    elif not lines:
        return
    elif lines[0].startswith("<"):
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


def _rows(found: Sequence[tuple[int | None, str, str]], separator: str | None) -> Iterator[CategoryRow]:
    reader = path_reader([path for _, _, path in found], separator)
    return (CategoryRow(reader.path(path), key, number) for number, key, path in found)
