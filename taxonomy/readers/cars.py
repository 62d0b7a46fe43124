"""Rows of a car catalog from CSV or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from taxonomy.names import clean_name
from taxonomy.readers.car_documents import read_car_document
from taxonomy.readers.car_headers import COLUMNS
from taxonomy.readers.table import read_table, text_lines
from taxonomy.rows import NOTHING, ImportRefused

YEARS = range(1885, 2101)
NAME_LENGTH = 100
HEADER_SHOWN = 100
_NO_VALUE = {"", "n/a", "na", "nan", "none", "null", "-", "--", "?", "unknown", "n.a.", "\\n"}
_ONGOING = {
    "present",
    "now",
    "today",
    "current",
    "ongoing",
    "actual",
    "actualidad",
    "presente",
    "hoy",
    "atual",
    "heute",
    "...",
}
_BETWEEN_YEARS = re.compile(r"\s*(?:[-–—/]|\bto\b|\ba\b)\s*")
_BETWEEN_ITEMS = re.compile(r"\s*[,;|\n]\s*")
# "09/2008", as lists of spare parts have it.
_MONTH = re.compile(r"\b\d{1,2}[./](?=\d{4})")
_SINCE = re.compile(r"(?:since|from|desde|ab|seit)\s+(\S+)|(\S+)\s*\+")
_YEAR = re.compile(r"(\d{4})(?:\.0)?")
_LIST = re.compile(r"\s*[,;|/\n]\s*")


@dataclass(frozen=True, slots=True)
class CarRow:
    """One line of a catalog; without years and body types where it leaves them empty.

    A first year without a last one is that of a model still made, a last one without a first that of one made until then.
    """

    brand: str
    model: str
    body_types: tuple[str, ...]
    first_year: int | None
    last_year: int | None

    def __post_init__(self) -> None:
        """Refuse what the catalog cannot hold, whatever the row was read from. Raises ``ImportRefused``."""
        names = {"brand": [self.brand], "model": [self.model], "body type": self.body_types}
        for what, texts in names.items():
            for text in texts:
                if not text:
                    raise ImportRefused(f"the {what} is empty.")
                if len(text) > NAME_LENGTH:
                    raise ImportRefused(f"the {what} has more than {NAME_LENGTH} characters.")
        if self.brand.isdecimal():
            raise ImportRefused(
                f"the brand {self.brand!r} is a number, as keys of another table are. Put the name there."
            )
        for year in (self.first_year, self.last_year):
            if year is not None and year not in YEARS:
                raise ImportRefused(f"{year} is no year from {YEARS[0]} to {YEARS[-1]}.")
        if self.first_year and self.last_year and self.first_year > self.last_year:
            raise ImportRefused(f"the years {self.first_year}-{self.last_year} run backwards.")


def read_cars(text: str) -> Iterator[CarRow]:
    """Yield the rows of a CSV with the columns brand, model and, where there are any, body_type, year, first_year, last_year.

    ``year`` is a year, a range ("2007-2012"), one that is open ("2007-", "2007-present") or a list; a body type may be a list
    too, and so may a column models. Other columns are ignored. JSON has the same names for keys, or nests models in brands.
    Raises ``ImportRefused``.
    """
    is_json = text.lstrip()[:1] in ("[", "{")
    for where, cells in read_car_document(text) if is_json else _table_cells(text):
        known = {
            name: "" if clean_name(cell).casefold() in _NO_VALUE else clean_name(cell) for name, cell in cells.items()
        }
        try:
            yield from _rows(known)
        except ImportRefused as error:
            raise ImportRefused(f"{where}: {error} {NOTHING}") from error


def _table_cells(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the number of each line and its cells by the names of ``COLUMNS``."""
    names = {name for known in COLUMNS.values() for name in known}
    table = read_table(text, names.__contains__)
    places = {name: table.column(known) for name, known in COLUMNS.items()} if table else {}
    missing = ["brand"] if places.get("brand") is None else []
    missing += ["model"] if places.get("model") is None and places.get("models") is None else []
    if table is None or missing:
        header = next(text_lines(text), "")[:HEADER_SHOWN]
        raise ImportRefused(f"The header {header!r} lacks {', '.join(missing)}. Expected: brand,model,body_type,year.")
    for record in table.records:
        cells = {name: record.cells[place] for name, place in places.items() if place is not None}
        yield f"Line {record.line}", cells


def _rows(cells: Mapping[str, str]) -> Iterator[CarRow]:
    first, last = _years(cells.get("year", ""))
    if cells.get("first_year") or cells.get("last_year"):
        first = _years(cells.get("first_year", ""))[0]
        last = _years(cells.get("last_year", ""))[1]
    bodies = tuple(dict.fromkeys(_listed(cells.get("body_type", ""))))
    models = filter(None, _BETWEEN_ITEMS.split(cells["models"])) if cells.get("models") else [cells["model"]]
    for model in models:
        yield CarRow(cells["brand"], model, bodies, first, last)


def _listed(text: str) -> list[str]:
    """Return the values of a cell that holds one, several between commas or slashes, or a list as programs print it."""
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1].replace("'", "").replace('"', "")
    values = [clean_name(value) for value in _LIST.split(text)]
    return [value for value in values if value.casefold() not in _NO_VALUE]


def _years(text: str) -> tuple[int | None, int | None]:
    """Return the first and the last year of a cell; ``None`` for an open end, and twice for nothing."""
    listed = [part for part in _BETWEEN_ITEMS.split(text.strip("[]").casefold()) if part not in _NO_VALUE]
    spans = [_span(_MONTH.sub("", part.strip("'\" ")), text) for part in listed]
    firsts, lasts = [first for first, _ in spans if first], [last for _, last in spans if last]
    # An end that one of them leaves open is open.
    return (
        min(firsts) if firsts and len(firsts) == len(spans) else None,
        max(lasts) if lasts and len(lasts) == len(spans) else None,
    )


def _span(text: str, whole: str) -> tuple[int | None, int | None]:
    since = _SINCE.fullmatch(text)
    if since:
        return _year(since[1] or since[2], whole), None
    ends = _BETWEEN_YEARS.split(text)
    if len(ends) == 2 and any(ends):
        return _end(ends[0], whole), _end(ends[1], whole)
    if text in _ONGOING:
        return None, None
    year = _year(text, whole)
    return year, year


def _end(text: str, whole: str) -> int | None:
    return None if text in _ONGOING or text in _NO_VALUE else _year(text, whole)


def _year(text: str, whole: str) -> int:
    match = _YEAR.fullmatch(text)
    if match is None or int(match[1]) not in YEARS:
        raise ImportRefused(f"{whole!r} is no year or range of years such as 2007-2012.")
    return int(match[1])
