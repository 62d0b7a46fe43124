"""The one reader of CSV: any delimiter, quotes and line ends, comment lines, and headers in other words than ours."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from taxonomy.rows import NOTHING, ImportRefused

DELIMITERS = ",;\t|"
# As some spreadsheets say which delimiter follows.
_DECLARED = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
_COMMENT = re.compile(r"#(\s|#|$)")
# A cell may hold a long list of paths, and no more than that.
csv.field_size_limit(10_000_000)


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a table: its number in the file, counted from 1, and its cells, stripped of white space.

    Records of JSON have no number.
    """

    line: int | None
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The header, or the first line where there is none, and the lines below it."""

    header: Record
    records: list[Record]

    def column(self, names: Sequence[str]) -> int | None:
        """Return the place of the first of these names (folded) that the header has."""
        return next(iter(self.columns(names)), None)

    def columns(self, names: Sequence[str]) -> list[int]:
        """Return the places of all of these names (folded) that the header has, in the order of ``names``."""
        folded = [fold_header(cell) for cell in self.header.cells]
        return [folded.index(name) for name in names if name in folded]


# A document has the same few keys in every object.
@lru_cache(maxsize=10_000)
def fold_header(text: str) -> str:
    """Return a column's name without case, accents and signs: "Body-Type" and "body_type" are "bodytype"."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in letters if sign.isalnum())


def read_table(text: str, is_known: Callable[[str], bool]) -> Table | None:
    """Read a CSV; ``None`` where ``is_known`` knows none of the folded names of its header.

    The delimiter is the one with which most columns are known. Raises ``ImportRefused`` for quotes that do not match, and for
    lines with fewer cells than the header or with more that are not empty.
    """
    declared, body, skipped = _declared_delimiter(text)
    head = next(text_lines(body), "")

    def known(delimiter: str) -> int:
        return sum(is_known(fold_header(cell)) for cell in _cells(head, delimiter))

    delimiter = max(declared or DELIMITERS, key=known)
    return _read(body, delimiter, skipped) if known(delimiter) else None


def read_nameless_table(text: str) -> Table | None:
    """Read a CSV without a header, whose delimiter makes most cells of the first line; ``None`` where that makes no table."""
    declared, body, skipped = _declared_delimiter(text)
    head = next(text_lines(body), "")
    try:
        return _read(body, max(declared or DELIMITERS, key=lambda delimiter: len(_cells(head, delimiter))), skipped)
    except ImportRefused:
        return None


def _cells(head: str, delimiter: str) -> list[str]:
    return next(csv.reader([head], delimiter=delimiter, quotechar=_quote(head)), [])


def _read(body: str, delimiter: str, skipped: int) -> Table:
    try:
        rows = list(_records(body, delimiter, skipped, escaped=False))
    except csv.Error as error:
        # As databases write them: \" for a quote within quotes.
        if '\\"' not in body:
            raise ImportRefused(f"{error} {NOTHING}") from error
        rows = _read_escaped(body, delimiter, skipped)
    if not rows:
        return Table(Record(1, ()), [])
    return Table(rows[0], [_fitted(row, len(rows[0].cells)) for row in rows[1:]])


def _read_escaped(body: str, delimiter: str, skipped: int) -> list[Record]:
    try:
        return list(_records(body, delimiter, skipped, escaped=True))
    except csv.Error as error:
        raise ImportRefused(f"{error} {NOTHING}") from error


def _declared_delimiter(text: str) -> tuple[str, str, int]:
    """Return the delimiter that the first line names, if it does, the text after that line, and how many lines it took."""
    match = _DECLARED.match(text)
    return (match[1], text[match.end() :], 1) if match else ("", text, 0)


def text_lines(text: str) -> Iterator[str]:
    """Yield the lines that are neither empty nor comments. Only the line ends of a keyboard end a line, not U+2028."""
    return (line.lstrip(" ") for _, line in numbered_lines(text))


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the same lines with their numbers and as indented as they are.

    Above the first, any line with # is a comment; below, "# ...".
    """
    seen = False
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        comment = _COMMENT.match(line) if seen else line.startswith("#")
        if line.strip() and not comment:
            seen = True
            yield number, line.rstrip("\n ")


def _quote(head: str) -> str:
    return "'" if head.startswith("'") and head.rstrip().endswith("'") else '"'


class _Source:
    """Lines for ``csv.reader``: comments are left out where a record may begin, and stay within quotes."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self.number = 0
        self.began = 0
        self.at_start = True
        self.seen_header = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        for line in self._lines:
            self.number += 1
            comment = _COMMENT.match(line) if self.seen_header else line.startswith("#")
            if self.at_start and (comment or not line.strip()):
                continue
            if self.at_start:
                self.began = self.number
            self.at_start = False
            return line
        raise StopIteration


def _records(text: str, delimiter: str, skipped: int, *, escaped: bool) -> Iterator[Record]:
    source = _Source(text)
    quote = _quote(next(text_lines(text), ""))
    options = {"escapechar": "\\", "doublequote": False} if escaped else {}
    reader = csv.reader(source, delimiter=delimiter, quotechar=quote, strict=True, **options)  # type: ignore[arg-type]
    while True:
        source.at_start = True
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise csv.Error(f"Line {source.began + skipped}: {error}.") from error
        source.seen_header = True
        if any(cell.strip() for cell in cells):
            yield Record(source.began + skipped, tuple(cell.strip() for cell in cells))


def _fitted(record: Record, width: int) -> Record:
    """Return the record with as many cells as the header has; empty ones behind those are of no account."""
    cells = record.cells
    if len(cells) < width or any(cells[width:]):
        raise ImportRefused(f"Line {record.line}: the number of columns is not the header's. {NOTHING}")
    return Record(record.line, cells[:width])
