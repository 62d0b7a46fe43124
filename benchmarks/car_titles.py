"""Brand, model and year read off titles of cars: ``python -m benchmarks.car_titles TITLES CATALOG [--not-cars TITLES]``.

TITLES is a CSV with title, brand, model and year (as the seller filed it, empty where nobody knows), CATALOG one with brand and
model, and years of production where they are known. Coverage is the share of the titles that name a value for which one is filled
in, precision the share of those filled in that are right. ``--not-cars`` takes titles of other things: whatever is filled in
there is wrong.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import time
from collections import Counter
from pathlib import Path

from ad_autocategorize.cars.titles import CatalogModel, TitleReader, TitleReading, key_of

FIELDS = ("brand", "model", "year")
THIS_YEAR = 2026


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV, gzipped or not."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def read_catalog(path: Path) -> TitleReader:
    """Return a reader of titles with the cars of a CSV."""
    models = []
    for row in read_rows(path):
        first, _, last = (row.get("year") or "").partition("-")
        years = [int(year) if year else None for year in (first, last or first)]
        models.append(CatalogModel(row["brand"], row["model"], *years))
    return TitleReader(models)


def values_of(found: TitleReading) -> dict[str, str]:
    """Return what was read, by the names of ``FIELDS``; empty texts for nothing."""
    return {name: str(getattr(found, name) or "") for name in FIELDS}


def measure(rows: list[dict[str, str]], reader: TitleReader) -> None:
    """Print coverage and precision of each field, and every title where they fall short."""
    filled, right, named = Counter[str](), Counter[str](), Counter[str]()
    begin = time.perf_counter()
    answers = [values_of(reader.read(row["title"], is_car=True, this_year=THIS_YEAR)) for row in rows]
    each = (time.perf_counter() - begin) / len(rows) * 1000
    for row, answer in zip(rows, answers, strict=True):
        said = " ".join(f"{name} {answer[name] or '-'}" for name in FIELDS if key_of(answer[name]) != key_of(row[name]))
        if said:
            print(f"  {row['title']}: {said}")
        for name in FIELDS:
            named[name] += bool(row[name])
            filled[name] += bool(answer[name])
            right[name] += bool(answer[name]) and key_of(answer[name]) == key_of(row[name])
    for name in FIELDS:
        covered = right[name] / named[name] if named[name] else 0.0
        precise = right[name] / filled[name] if filled[name] else 0.0
        print(f"{name}: {named[name]} of {len(rows)} titles name one, coverage {covered:.3f}, precision {precise:.3f}")
    print(f"{each:.2f} ms a title")


def count_false(rows: list[dict[str, str]], reader: TitleReader) -> None:
    """Print in how many titles of other things a car is found, if their category says nothing of cars, and if it does."""
    for is_car in (False, True):
        found = [row["title"] for row in rows if reader.read(row["title"], is_car=is_car, this_year=THIS_YEAR).brand]
        known = "filed among cars" if is_car else "of no known category"
        print(f"other things {known}: a brand in {len(found)} of {len(rows)}: {'; '.join(found[:5])}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("titles", type=Path)
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--not-cars", type=Path)
    options = parser.parse_args()
    reader = read_catalog(options.catalog)
    measure(read_rows(options.titles), reader)
    if options.not_cars:
        count_false(read_rows(options.not_cars), reader)


if __name__ == "__main__":
    main()
