"""``manage.py import_car_photos FOLDER``"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.management.bars import StageBars
from ad_autocategorize.management.base import ExtraCommand
from taxonomy.car_catalog import upsert_cars
from taxonomy.models import Color
from taxonomy.readers.bounded import printable
from taxonomy.readers.cars import CarRow
from taxonomy.rows import ImportRefused

if TYPE_CHECKING:
    from ad_autocategorize.photos.training.images import PhotoRecord, Skipped


class Command(ExtraCommand):
    help = (
        "Register a folder of labelled car photos for retrain_cnn, and add its cars to the catalog; all of it or nothing. Run it "
        "where your own ads have too few photos to learn from."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "folder", type=Path, help="Holds labels.csv and, beside it or in photos/, the files it names."
        )
        parser.add_argument("--labels", type=Path, help="The CSV, if not FOLDER/labels.csv.")
        parser.add_argument("--split", help="Only rows whose column split says this; keep the others to test on.")
        parser.add_argument("--name", help="Name of the set (the folder's); an equal name replaces it.")
        parser.add_argument(
            "--unchecked", action="store_true", help="Do not open every photo now, only look whether it is there."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Late, so that --help works without the extra.
        from ad_autocategorize.cars.labelled_photos import SETS_FOLDER, read_photo_set, write_photo_set
        from ad_autocategorize.photos.training.images import Skipped

        folder: Path = options["folder"]
        labels = options["labels"] or folder / "labels.csv"
        photos = folder / "photos" if (folder / "photos").is_dir() else folder
        skipped = Skipped()
        try:
            records = list(read_photo_set(labels, photos, split=options["split"]))
            # A list of somebody else's may name any file of this machine.
            inside = list(_inside(records, photos, skipped))
            with StageBars(self.stderr, f"looking at {len(inside)} photos", options["verbosity"]) as progress:
                kept = list(_usable(progress.over("photos", inside), skipped, opened=not options["unchecked"]))
            if not kept:
                raise ImportRefused(_nothing_found(records, skipped, photos))
            cars = [record for record in kept if record.is_car]
            target = plugin_settings.model_dir / SETS_FOLDER / f"{_plain(options['name'] or folder.resolve().name)}.csv"
            # The catalog keeps nothing of a set that could not be written.
            with transaction.atomic():
                summary = upsert_cars(_rows(cars)) if cars else None
                names = sorted({record.labels.color for record in cars if record.labels.color})
                Color.objects.bulk_create([Color(name=name) for name in names], ignore_conflicts=True)
                count = write_photo_set(kept, target)
        except (OSError, ValueError, LookupError) as error:
            raise CommandError(printable(str(error))) from error
        if summary is not None:
            self.stdout.write(f"Car models: {summary}.")
        for reason, number in skipped.counts.most_common():
            self.stdout.write(f"Left out: {number} photos, {reason} ({', '.join(skipped.examples[reason][:3])}).")
        others = len(kept) - len(cars)
        self.stdout.write(
            self.style.SUCCESS(f"{target.stem}: {count} photos registered, {others} of them of other things.")
        )


def _inside(records: list[PhotoRecord], folder: Path, skipped: Skipped) -> Iterator[PhotoRecord]:
    """Yield the photos that lie in the folder, wherever links in it lead; count the others."""
    root = folder.resolve()
    for record in records:
        if record.path.resolve().is_relative_to(root):
            yield record
        else:
            skipped.add("outside of the folder", record.path)


def _usable(records: Iterable[PhotoRecord], skipped: Skipped, *, opened: bool) -> Iterator[PhotoRecord]:
    """Yield the photos that are there and, where they are opened, can be read; count the others."""
    from ad_autocategorize.photos.training.images import UnreadablePhoto, read_photo

    for record in records:
        try:
            if opened:
                read_photo(record.path)
            elif not record.path.is_file():
                raise UnreadablePhoto("no such file")
        except UnreadablePhoto as error:
            skipped.add(str(error), record.path)
        else:
            yield record


def _nothing_found(records: list[PhotoRecord], skipped: Skipped, photos: Path) -> str:
    """Return why there is nothing to register."""
    if not records:
        return "No row of the labels is left: check --split. Nothing was imported."
    reason, number = skipped.counts.most_common(1)[0]
    return f"None of the {len(records)} photos can be used: {number} x {reason} in {photos}. Nothing was imported."


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
