"""The ads that an evaluation is made on, wherever they come from."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from ad_autocategorize.titles.hierarchy import PATH_SEPARATOR, Path
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.examples import tokenize

REQUIRED_COLUMNS = ("title", "category_path")
DELIMITERS = ",;\t"
# Signs that other files have between the levels of a path.
_OTHER_SIGNS = ("/", "|", "::", "»", "›", "\\")


class CorpusError(ValueError):
    """The ads cannot be read; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Titles, where they are filed, and what was left out.

    Attributes
    ----------
    titles, paths, dates : of equal length; a path holds node ids from the main category down, a date may be missing.
    names : what people call each node.
    dropped : how many ads were left out, by reason.
    taxonomy : all category paths of the marketplace, with ads or without; empty if only the ads are known.
    weights : how much each ad counts in training; ``None`` if all count the same.
    unread_dates : how many dates could not be read, including those of ads that were left out.
    ads : for each title, the ad that it is of: an ad that is filed at several categories has a title for each. Empty if every
        title is of an ad of its own.
    """

    titles: Sequence[str]
    paths: Sequence[Path]
    dates: Sequence[datetime | None]
    names: Mapping[int, str]
    dropped: Mapping[str, int] = field(default_factory=dict)
    taxonomy: Sequence[Path] = ()
    weights: Sequence[float] | None = None
    unread_dates: int = 0
    ads: Sequence[Hashable] = ()

    def __len__(self) -> int:
        return len(self.titles)

    def text(self, path: Path) -> str:
        """Return a path as people write it: "Home > Furniture > Sofas"."""
        return PATH_SEPARATOR.join(self.names[node] for node in path)

    def take(self, positions: Sequence[int], *, dropped: Mapping[str, int] | None = None) -> Corpus:
        """Return the ads at ``positions``; ``dropped`` is added to the counts of those left out."""
        return Corpus(
            [self.titles[i] for i in positions],
            [self.paths[i] for i in positions],
            [self.dates[i] for i in positions],
            self.names,
            {**self.dropped, **(dropped or {})},
            self.taxonomy,
            self.weights and [self.weights[i] for i in positions],
            self.unread_dates,
            self.ads and [self.ads[i] for i in positions],
        )

    def draw(self, most: int | None, seed: int) -> Corpus:
        """Return at most so many ads, drawn by chance; the others are counted as dropped."""
        if most is None or len(self) <= most:
            return self
        chosen = np.sort(np.random.default_rng(seed).choice(len(self), most, replace=False))
        return self.take(chosen.tolist(), dropped={"not drawn": len(self) - most})

    def with_words(self, settings: TitleSettings) -> Corpus:
        """Return the ads whose titles have a word after normalisation; the others are counted as dropped."""
        kept = tokenize(self.titles, settings)[1]
        lost = len(self) - len(kept)
        return self.take(kept, dropped={"nothing left of the title": lost} if lost else None)


def read_csv(text: str, name: str, *, longest: int, since: date | None = None, limit: int | None = None) -> Corpus:
    """Read the ads of a CSV file: the columns title, category_path (" > " between levels) and maybe date.

    Parameters
    ----------
    text : the content; commas, semicolons or tabs are between the columns.
    name : the file's name, for messages.
    longest : titles are cut to so many characters, as those of a marketplace are.
    since : leave out ads before this date, and those without a date.
    limit : stop after so many ads.

    Raises
    ------
    CorpusError : a column is missing, or another sign stands between levels.
    """
    dropped: Counter[str] = Counter()
    # The number of each category, by the names along its path.
    numbers: dict[tuple[str, ...], int] = {}
    titles: list[str] = []
    paths: list[Path] = []
    dates: list[datetime | None] = []
    unread_dates = 0
    for row in _rows(text, name, need_date=since is not None):
        if limit is not None and len(titles) == limit:
            break
        title = (row["title"] or "").strip()
        steps = _steps(row["category_path"] or "")
        written = (row.get("date") or "").strip()
        day = _date(written)
        unread_dates += bool(written) and day is None
        if since is not None and (day is None or day.date() < since):
            dropped["older than asked for" if day else "no date"] += 1
        elif not title or not steps:
            dropped["no category" if title else "no title"] += 1
        else:
            titles.append(title[:longest])
            paths.append(tuple(numbers.setdefault(steps[: n + 1], len(numbers)) for n in range(len(steps))))
            dates.append(day)
    names = {number: steps[-1] for steps, number in numbers.items()}
    _check_levels(name, list(names.values()))
    return Corpus(titles, paths, dates, names, dict(dropped), unread_dates=unread_dates)


def _steps(category_path: str) -> tuple[str, ...]:
    """Return the names of a path such as "Home > Furniture"; empty ones are left out."""
    names = map(str.strip, category_path.split(PATH_SEPARATOR.strip()))
    return tuple(name for name in names if name)


def as_datetime(value: object) -> datetime | None:
    """Return a date or datetime as a naive datetime, converted to UTC if it has a time zone; ``None`` for anything else."""
    if isinstance(value, datetime):
        try:
            return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        except OverflowError:
            # Such as the year 9999, moved beyond the end of the calendar by its time zone.
            return None
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    return None


def _rows(text: str, name: str, *, need_date: bool) -> Iterator[dict[str, Any]]:
    """Yield the rows by column. Raises ``CorpusError`` if a needed column is missing, or the file is no sound CSV."""
    head = text.partition("\n")[0].casefold()
    delimiter = max(
        DELIMITERS, key=lambda sign: sum(cell.strip(' "\r') in REQUIRED_COLUMNS for cell in head.split(sign))
    )
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    # Other columns may hold whole descriptions, longer than the csv module allows by default.
    before = csv.field_size_limit(len(text) + 1)
    try:
        found = reader.fieldnames = [name.strip().casefold() for name in reader.fieldnames or []]
        for column in (*REQUIRED_COLUMNS, *(["date"] if need_date else [])):
            if column not in found:
                raise CorpusError(f"{name} has no column {column!r}; it has {', '.join(found) or 'none'}.")
        yield from reader
    except csv.Error as error:
        begin = reader.line_num + 1
        raise CorpusError(f"{name} is no sound CSV file: {error}, in the row that begins at line {begin}.") from error
    finally:
        csv.field_size_limit(before)


def _check_levels(file: str, names: Sequence[str]) -> None:
    """Refuse paths that seem to have another sign between levels: each would be read as one category of a flat tree."""
    for sign in _OTHER_SIGNS:
        if len(names) > 1 and all(sign in name for name in names):
            raise CorpusError(
                f"Every category of {file} has {sign!r} in it, as {names[0]!r} has: write {PATH_SEPARATOR!r} between the levels."
            )


def _date(text: str) -> datetime | None:
    try:
        return as_datetime(datetime.fromisoformat(text))
    except ValueError:
        return None
