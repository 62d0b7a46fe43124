"""Rows of a car catalog from CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from taxonomy.bulk import ImportRefused

YEARS = range(1885, 2101)
NAME_LENGTH = 100
_YEAR_RANGE = re.compile(r"(\d{4})(?:\s*[-–/]\s*(\d{4}))?")
_REQUIRED = ("brand", "model")


@dataclass(frozen=True, slots=True)
class CarRow:
    """One line of a catalog; years and body type are ``None`` where the line leaves them empty."""

    brand: str
    model: str
    body_type: str | None
    first_year: int | None
    last_year: int | None


def read_cars(text: str) -> Iterator[CarRow]:
    """Yield the rows of a CSV with the columns brand, model and, where there are any, body_type, year, first_year, last_year.

    ``year`` is a year or a range ("2007-2012"). Other columns are ignored. Raises ``ImportRefused``.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    missing = [name for name in _REQUIRED if name not in (reader.fieldnames or ())]
    if missing:
        raise ImportRefused(f"The header lacks {', '.join(missing)}. Expected: brand,model,body_type,year.")
    try:
        for record in reader:
            if None in record or None in record.values():
                raise ImportRefused("the number of columns is not the header's.")
            yield _row({name: value.strip() for name, value in record.items()})
    except (csv.Error, ImportRefused) as error:
        raise ImportRefused(f"Line {reader.line_num}: {error} Nothing was imported.") from error


def _row(record: dict[str, str]) -> CarRow:
    for name in _REQUIRED:
        if not record[name]:
            raise ImportRefused(f"the {name} is empty.")
    for name in (*_REQUIRED, "body_type"):
        if len(record.get(name, "")) > NAME_LENGTH:
            raise ImportRefused(f"the {name} has more than {NAME_LENGTH} characters.")
    first, last = _years(record.get("year", ""))
    first = _years(record.get("first_year", ""))[0] or first
    last = _years(record.get("last_year", ""))[1] or last
    if first and last and first > last:
        raise ImportRefused(f"the years {first}-{last} run backwards.")
    return CarRow(record["brand"], record["model"], record.get("body_type") or None, first, last)


def _years(text: str) -> tuple[int | None, int | None]:
    if not text:
        return None, None
    match = _YEAR_RANGE.fullmatch(text)
    years = [int(year or match[1]) for year in match.groups()] if match else []
    if not years or any(year not in YEARS for year in years):
        raise ImportRefused(f"{text!r} is no year or range of years such as 2007-2012.")
    return years[0], years[1]
