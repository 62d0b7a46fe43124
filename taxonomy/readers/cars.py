"""Rows of a car catalog from CSV."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from taxonomy.names import clean_name
from taxonomy.readers.table import Record, read_table
from taxonomy.rows import NOTHING, ImportRefused

YEARS = range(1885, 2101)
NAME_LENGTH = 100
COLUMNS: Mapping[str, Sequence[str]] = {
    "brand": (
        "brand",
        "make",
        "marca",
        "manufacturer",
        "marque",
        "hersteller",
        "brandname",
        "makename",
        "carmake",
        "carbrand",
    ),
    "model": ("model", "modelo", "modelname", "modele", "modell", "carmodel"),
    "body_type": (
        "bodytype",
        "body",
        "bodystyle",
        "carroceria",
        "bodyclass",
        "vehicleclass",
        "karosserie",
        "carrosserie",
    ),
    "year": (
        "year",
        "years",
        "ano",
        "anos",
        "modelyear",
        "yearrange",
        "production",
        "productionyears",
        "productionperiod",
    ),
    "first_year": (
        "firstyear",
        "yearfrom",
        "yearstart",
        "startyear",
        "fromyear",
        "beginyear",
        "desde",
        "productionstart",
    ),
    "last_year": ("lastyear", "yearto", "yearend", "endyear", "toyear", "hasta", "productionend"),
}
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
        for year in (self.first_year, self.last_year):
            if year is not None and year not in YEARS:
                raise ImportRefused(f"{year} is no year from {YEARS[0]} to {YEARS[-1]}.")
        if self.first_year and self.last_year and self.first_year > self.last_year:
            raise ImportRefused(f"the years {self.first_year}-{self.last_year} run backwards.")


def read_cars(text: str) -> Iterator[CarRow]:
    """Yield the rows of a CSV with the columns brand, model and, where there are any, body_type, year, first_year, last_year.

    ``year`` is a year, a range ("2007-2012"), one that is open ("2007-", "2007-present") or a list; a body type may be a list
    too. Other columns are ignored. Raises ``ImportRefused``.
    """
    names = {name for known in COLUMNS.values() for name in known}
    table = read_table(text, names.__contains__)
    places = {name: table.column(known) for name, known in COLUMNS.items()} if table else {}
    missing = [name for name in ("brand", "model") if places.get(name) is None]
    if table is None or missing:
        raise ImportRefused(f"The header lacks {', '.join(missing)}. Expected: brand,model,body_type,year.")
    for record in table.records:
        try:
            yield _row({name: _cell(record, place) for name, place in places.items() if place is not None})
        except ImportRefused as error:
            raise ImportRefused(f"Line {record.line}: {error} {NOTHING}") from error


def _cell(record: Record, place: int) -> str:
    text = clean_name(record.cells[place])
    return "" if text.casefold() in _NO_VALUE else text


def _row(cells: Mapping[str, str]) -> CarRow:
    first, last = _years(cells.get("year", ""))
    if cells.get("first_year") or cells.get("last_year"):
        first = _years(cells.get("first_year", ""))[0]
        last = _years(cells.get("last_year", ""))[1]
    bodies = dict.fromkeys(_listed(cells.get("body_type", "")))
    return CarRow(cells["brand"], cells["model"], tuple(bodies), first, last)


def _listed(text: str) -> list[str]:
    """Return the values of a cell that holds one, several between commas or slashes, or a list as programs print it."""
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1].replace("'", "").replace('"', "")
    values = [clean_name(value) for value in _LIST.split(text)]
    return [value for value in values if value.casefold() not in _NO_VALUE]


def _years(text: str) -> tuple[int | None, int | None]:
    """Return the first and the last year of a cell; ``None`` for an open end, and twice for nothing."""
    since = _SINCE.fullmatch(text.casefold())
    if since:
        return _year(since[1] or since[2], text), None
    ends = _BETWEEN_YEARS.split(text.casefold()) if text else []
    if len(ends) == 2 and any(ends):
        return _end(ends[0], text), _end(ends[1], text)
    if text.casefold() in _ONGOING:
        return None, None
    years = [_year(year, text) for year in _listed(text)]
    return (min(years), max(years)) if years else (None, None)


def _end(text: str, whole: str) -> int | None:
    return None if text in _ONGOING or text in _NO_VALUE else _year(text, whole)


def _year(text: str, whole: str) -> int:
    match = _YEAR.fullmatch(text)
    if match is None or int(match[1]) not in YEARS:
        raise ImportRefused(f"{whole!r} is no year or range of years such as 2007-2012.")
    return int(match[1])
