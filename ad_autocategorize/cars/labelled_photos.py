"""The photos that the network learns from: those of the marketplace's ads, and sets that were imported."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.photos.training.images import PhotoRecord
from ad_autocategorize.photos.vocabularies import CarLabels
from ad_autocategorize.sources import AdSource
from ad_autocategorize.sources.photo_files import photo_paths
from ad_autocategorize.sources.streaming import stream
from taxonomy.readers.cars import NAME_LENGTH, YEARS
from taxonomy.readers.source import read_text
from taxonomy.rows import ImportRefused

SETS_FOLDER = "photo-sets"
COLUMNS = ("file", "brand", "model", "body_type", "color", "year", "group", "color_weight")


def ad_photo_records(source: AdSource, *, limit: int | None = None) -> Iterator[PhotoRecord]:
    """Yield the photos of the published ads, oldest first.

    An ad that names a brand shows a car. One without shows something else if its category has no ad with a brand: the network
    learns from such photos what is no car. Photos of one ad share a group, those of one seller an owner.
    """
    if source.photos is None:
        return
    with_cars: set[Any] = set()
    if source.brand is not None:
        with_cars = {_category(source, ad) for ad in _ads(source, limit) if source.value_of(ad, "brand") is not None}
    for ad in _ads(source, limit):
        labels = _labels(source, ad)
        is_car = labels.brand is not None or labels.model is not None
        if not is_car and (_category(source, ad) in with_cars or not with_cars):
            continue
        seller = source.value_of(ad, "seller")
        for path in photo_paths(source.value_of(ad, "photos")):
            yield PhotoRecord(path, labels, ("ad", ad.pk), None if seller is None else str(seller), is_car)


def imported_photo_records() -> Iterator[PhotoRecord]:
    """Yield the photos of the sets that ``import_car_photos`` has registered."""
    for file in sorted((plugin_settings.model_dir / SETS_FOLDER).glob("*.csv")):
        yield from read_photo_set(file, file.parent)


def read_photo_set(labels: Path, folder: Path, *, split: str | None = None) -> Iterator[PhotoRecord]:
    """Yield the rows of a CSV with the columns file and, each where known, the others of ``COLUMNS``.

    ``file`` is relative to ``folder``. Without a group a photo is its own. A row without a brand shows no car. ``color_weight``
    is less than 1 where a model guessed the color. Only rows whose column split is ``split`` are read, where that is given.

    Raises ``ImportRefused``, a ``ValueError``, that names the line: nothing may enter that a car catalog would refuse.
    """
    reader = csv.DictReader(io.StringIO(read_text(str(labels)), newline=""))
    needed = {"file"} if split is None else {"file", "split"}
    if missing := needed - set(reader.fieldnames or ()):
        raise ImportRefused(f"{labels}: the header lacks {', '.join(sorted(missing))}. Known: {', '.join(COLUMNS)}.")
    lines: dict[Path, int] = {}
    for row in reader:
        if split is not None and row.get("split") != split:
            continue
        try:
            record = _row({name: (row.get(name) or "").strip() for name in COLUMNS}, folder, labels.stem)
            if record.path in lines:
                raise ImportRefused(f"{record.path.name} is on line {lines[record.path]} already.")
        except ImportRefused as error:
            raise ImportRefused(f"{labels}, line {reader.line_num}: {error} Nothing was imported.") from error
        lines[record.path] = reader.line_num
        yield record


def _row(cells: dict[str, str], folder: Path, name: str) -> PhotoRecord:
    """Return a line's photo. Raises ``ImportRefused`` that says what is wrong with it."""
    if not cells["file"]:
        raise ImportRefused("the file is empty.")
    for column in ("brand", "model", "body_type", "color"):
        if len(cells[column]) > NAME_LENGTH:
            raise ImportRefused(f"the {column} has more than {NAME_LENGTH} characters.")
    year = cells["year"]
    if year and not (year.isascii() and year.isdecimal() and int(year) in YEARS):
        raise ImportRefused(f"{year!r} is no year from {YEARS[0]} to {YEARS[-1]}.")
    return PhotoRecord(
        folder / cells["file"],
        CarLabels(
            cells["brand"] or None,
            cells["model"] or None,
            cells["body_type"] or None,
            cells["color"] or None,
            int(year) if year else None,
        ),
        group=("set", name, cells["group"] or cells["file"]),
        is_car=bool(cells["brand"]),
        color_weight=_weight(cells["color_weight"]),
    )


def _weight(text: str) -> float:
    """Return how much a color counts, 1 where nothing is said. Raises ``ImportRefused``."""
    try:
        weight = float(text) if text else 1.0
    except ValueError:
        weight = -1.0
    if not 0 <= weight <= 1:
        raise ImportRefused(f"the color_weight {text!r} is no number from 0 to 1.")
    return weight


def write_photo_set(records: Iterable[PhotoRecord], target: Path) -> int:
    """Register photos where they lie, in place of an older set of that name; return how many."""
    target.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    # An import that is stopped here leaves the older set as it was.
    partial = target.with_suffix(".incomplete")
    with partial.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(COLUMNS)
        for record in records:
            labels = record.labels
            group = record.group[-1] if isinstance(record.group, tuple) else record.group
            values = (labels.brand, labels.model, labels.body_type, labels.color, labels.year)
            texts = ("" if value is None else value for value in values)
            writer.writerow([record.path.absolute(), *texts, group, record.color_weight])
            count += 1
    partial.replace(target)
    return count


def _ads(source: AdSource, limit: int | None) -> Iterator[Any]:
    queryset = source.get_queryset()
    followed = [attribute for attribute in ("brand", "car_model", "body_type", "color") if source.is_path(attribute)]
    relations = [str(getattr(source, attribute)) for attribute in followed]
    names = {field.name for field in source.ad_model()._meta.fields if field.is_relation}
    queryset = queryset.select_related(*(name for name in relations if name.split("__")[0] in names))
    if source.photos is not None and source.is_path("photos"):
        field = source.ad_model()._meta.get_field(source.photos.split("__")[0])
        if field.is_relation:
            queryset = queryset.prefetch_related(source.photos)
    return stream(queryset, limit)


def _labels(source: AdSource, ad: Any) -> CarLabels:
    brand, model = source.value_of(ad, "brand"), source.value_of(ad, "car_model")
    year = source.value_of(ad, "year")
    return CarLabels(
        _name(brand),
        _name(model),
        _name(source.value_of(ad, "body_type")),
        _name(source.value_of(ad, "color")),
        int(year) if year else None,
    )


def _name(value: Any) -> str | None:
    """Return the name of a row such as a ``taxonomy.Brand``, or a text as it is."""
    return str(getattr(value, "name", value)).strip() or None if value is not None else None


def _category(source: AdSource, ad: Any) -> Any:
    if source.is_path("category") and hasattr(ad, f"{source.category}_id"):
        return getattr(ad, f"{source.category}_id")
    return source.value_of(ad, "category")
