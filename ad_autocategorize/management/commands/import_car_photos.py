"""``manage.py import_car_photos FOLDER``"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from ad_autocategorize.cars.labelled_photos import SETS_FOLDER, read_photo_set, write_photo_set
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.photos.training.images import PhotoRecord, Skipped, UnreadablePhoto, read_photo
from taxonomy.car_catalog import upsert_cars
from taxonomy.models import Color
from taxonomy.readers.cars import CarRow
from taxonomy.rows import ImportRefused


class Command(BaseCommand):
    help = "Register a folder of labelled car photos for retrain_cnn, and add its cars to the catalog."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "folder", type=Path, help="Holds labels.csv and, beside it or in photos/, the files it names."
        )
        parser.add_argument("--labels", type=Path, help="The CSV, if not FOLDER/labels.csv.")
        parser.add_argument("--split", help="Only rows whose column split says this; keep the others to test on.")
        parser.add_argument("--name", help="Name of the set (the folder's); an equal name replaces it.")
        parser.add_argument("--unchecked", action="store_true", help="Do not open every photo now.")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        labels = options["labels"] or folder / "labels.csv"
        photos = folder / "photos" if (folder / "photos").is_dir() else folder
        try:
            records = list(read_photo_set(labels, photos, split=options["split"]))
            skipped = Skipped()
            kept = records if options["unchecked"] else list(_readable(records, skipped))
            cars = [record for record in kept if record.is_car]
            with transaction.atomic():
                summary = upsert_cars(_rows(cars)) if cars else None
                names = sorted({record.labels.color for record in cars if record.labels.color})
                Color.objects.bulk_create([Color(name=name) for name in names], ignore_conflicts=True)
            target = plugin_settings.model_dir / SETS_FOLDER / f"{_plain(options['name'] or folder.resolve().name)}.csv"
            count = write_photo_set(kept, target)
        except (OSError, ValueError, LookupError, ImportRefused) as error:
            raise CommandError(str(error)) from error
        if summary is not None:
            self.stdout.write(f"Car models: {summary}.")
        for reason, number in skipped.counts.most_common():
            self.stdout.write(f"Left out: {number} photos, {reason} ({', '.join(skipped.examples[reason][:3])}).")
        others = len(kept) - len(cars)
        self.stdout.write(
            self.style.SUCCESS(f"{target.stem}: {count} photos registered, {others} of them of other things.")
        )


def _readable(records: list[PhotoRecord], skipped: Skipped) -> Iterator[PhotoRecord]:
    for record in records:
        try:
            read_photo(record.path)
        except UnreadablePhoto as error:
            skipped.add(str(error), record.path)
        else:
            yield record


def _rows(cars: list[PhotoRecord]) -> Iterator[CarRow]:
    for record in cars:
        labels = record.labels
        if labels.brand and labels.model:
            bodies = (labels.body_type,) if labels.body_type else ()
            yield CarRow(labels.brand, labels.model, bodies, labels.year, labels.year)


def _plain(name: str) -> str:
    kept = "".join(letter for letter in name if letter.isalnum() or letter in "-_")
    if not kept:
        raise ValueError(f"{name!r} cannot name a set: use letters, digits, - and _.")
    return kept
