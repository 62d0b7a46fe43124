"""Ads from a CSV file, all of them or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from marketplace.models import Ad
from taxonomy.bulk import CategoryRow, ImportRefused, upsert_categories
from taxonomy.names import split_path
from taxonomy.readers.table import read_table
from taxonomy.rows import NOTHING
from taxonomy.tree import CategoryTree

REQUIRED = ("title", "category_path")
COLUMNS = {
    "title": ("title", "titulo"),
    "category_path": ("categorypath",),
    "date": ("date", "fecha"),
    "id": ("id",),
}
TITLE_LENGTH = Ad._meta.get_field("title").max_length or 0
ID_LENGTH = 100


@dataclass(frozen=True, slots=True)
class AdRow:
    """One line of the file."""

    title: str
    path: tuple[str, ...]
    created_at: datetime
    import_id: str | None
    line: int | None


def read_ads(text: str) -> Iterator[AdRow]:
    """Yield the rows of a CSV with the columns title, category_path and, where there are any, date and id.

    Raises ``ImportRefused`` with the number of the first bad line.
    """
    known = {name for names in COLUMNS.values() for name in names}
    table = read_table(text, known.__contains__)
    places = {name: table.column(names) for name, names in COLUMNS.items()} if table else {}
    missing = [name for name in REQUIRED if places.get(name) is None]
    if table is None or missing:
        raise ImportRefused(f"The header lacks {', '.join(missing or REQUIRED)}. Expected: title,category_path,date.")
    for record in table.records:
        cells = {name: record.cells[place] for name, place in places.items() if place is not None}
        try:
            yield _row(cells, record.line)
        except ImportRefused as error:
            raise ImportRefused(f"Line {record.line}: {error} {NOTHING}") from error


def import_ads(rows: Iterator[AdRow], seller: AbstractBaseUser) -> tuple[int, int]:
    """Create published ads and the categories they need; return how many were created and how many were there already.

    Ads with an id are recognised by it. Call it in a transaction. Raises ``ImportRefused``.
    """
    wanted = list(rows)
    upsert_categories(CategoryRow(row.path, line=row.line) for row in wanted)
    tree = CategoryTree.load()
    known = set(Ad.objects.filter(seller_id=seller.pk).exclude(import_id=None).values_list("import_id", flat=True))
    ads: list[Ad] = []
    for row in wanted:
        if row.import_id is None or row.import_id not in known:
            known.add(row.import_id)
            ads.append(
                Ad(
                    title=row.title,
                    category_id=tree.find(row.path) or 0,
                    created_at=row.created_at,
                    import_id=row.import_id,
                    seller_id=seller.pk,
                    status=Ad.Status.PUBLISHED,
                )
            )
    Ad.objects.bulk_create(ads, batch_size=500)
    return len(ads), len(wanted) - len(ads)


def _row(record: dict[str, str], line: int | None) -> AdRow:
    title, import_id = record["title"], record.get("id") or None
    if not title or "\x00" in title:
        raise ImportRefused("the title is empty.")
    if import_id and len(import_id) > ID_LENGTH:
        raise ImportRefused(f"the id has more than {ID_LENGTH} characters.")
    # A title is the seller's words: what a longer field held is cut, not refused.
    return AdRow(
        title[:TITLE_LENGTH], split_path(record["category_path"]), _date(record.get("date", "")), import_id, line
    )


def _date(text: str) -> datetime:
    if not text:
        return timezone.now()
    try:
        moment = parse_datetime(text)
        day = parse_date(text) if moment is None else None
    except ValueError as error:
        raise ImportRefused(f"{text!r} is no date: {error}.") from error
    if day is not None:
        moment = datetime(day.year, day.month, day.day)
    if moment is None:
        raise ImportRefused(f"{text!r} is no date such as 2024-06-05 14:11:01.")
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment
