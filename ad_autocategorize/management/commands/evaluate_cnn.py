"""``manage.py evaluate_cnn``"""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone, translation

from ad_autocategorize.artifacts import ArtifactError
from ad_autocategorize.management.arguments import positive
from ad_autocategorize.management.bars import StageBars
from ad_autocategorize.management.base import ExtraCommand
from ad_autocategorize.management.commands.retrain_cnn import metric_lines, never_seen_lines
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.private_copies import whole_folder
from ad_autocategorize.reports.photo_advice import next_steps
from ad_autocategorize.reports.titles import LANGUAGES
from ad_autocategorize.sources import SourceError
from ad_autocategorize.sources.registered import car_source

if TYPE_CHECKING:
    from ad_autocategorize.cars.report import EvaluatedPhotos
    from ad_autocategorize.photos.training.images import PhotoRecord

# Of each head; the report shows more.
SHOWN_CONFUSIONS = 3


class Command(ExtraCommand):
    help = (
        "Test a photo network on labelled photos that it was not trained on, and say what to do next. Run it after retrain_cnn, "
        "and when sellers' photos or the catalog have changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--model", help="Name of the version (the one in service).")
        parser.add_argument(
            "--folder", type=Path, help="Test on FOLDER/labels.csv and its photos, not on the hold-out."
        )
        parser.add_argument("--split", help="With --folder: only rows whose column split says this.")
        parser.add_argument("--not-cars", type=Path, help="A folder of pictures that are not cars.")
        parser.add_argument("--limit", type=positive, help="At most this many photos.")
        parser.add_argument("--json", type=Path, help="Write all figures to this file.")
        parser.add_argument("--html", type=Path, help="Write a report with photos to this file.")
        parser.add_argument("--language", choices=LANGUAGES, default=LANGUAGES[0], help="Of the report (en).")

    def handle(self, *args: Any, **options: Any) -> None:
        versions = ModelVersion.objects.filter(kind=ModelVersion.Kind.PHOTOS)
        name = options["model"] or versions.filter(is_active=True).values_list("name", flat=True).first()
        if name is None:
            raise CommandError("No photo network is in service: run retrain_cnn, or name one with --model.")
        # Late, so that --help works without the extra.
        from ad_autocategorize.cars.report import evaluate_photos
        from ad_autocategorize.reports.photos import render_photo_report

        try:
            directory = whole_folder(name)
            with StageBars(self.stderr, f"reading the list of photos for {name}", options["verbosity"]) as progress:
                records = _records(directory, options["folder"], options["split"])
                evaluated = evaluate_photos(directory, records[: options["limit"]], options["not_cars"], progress)
        except (ArtifactError, SourceError, OSError, ValueError, LookupError) as error:
            raise CommandError(str(error)) from error
        self._print(evaluated)
        try:
            if options["json"]:
                options["json"].write_text(json.dumps(evaluated.figures, indent=1), encoding="utf-8")
            if options["html"]:
                page = render_photo_report(
                    evaluated.figures,
                    evaluated.confused,
                    name=name,
                    language=options["language"],
                    made=timezone.localtime(),
                )
                options["html"].write_text(page, encoding="utf-8")
        except OSError as error:
            raise CommandError(str(error)) from error

    def _print(self, evaluated: EvaluatedPhotos) -> None:
        figures = evaluated.figures
        for line in metric_lines(figures):
            self.stdout.write(line)
        within = ", ".join(f"{distance}: {share:.4f}" for distance, share in figures["year_within"].items())
        self.stdout.write(f"Year within (years: share) {within}.")
        for head, row in figures["heads"].items():
            covered = ", ".join(f"{float(precision):.0%}: {share:.1%}" for precision, share in row["coverage"].items())
            self.stdout.write(f"Coverage of {head} surely at precision {covered}.")
        self.stdout.write(f"Model branch without the table: {figures['model_accuracy_unmasked']:.4f}.")
        if "others_refused" in figures:
            self.stdout.write(f"Of {figures['others']} other things {figures['others_refused']:.1%} are refused.")
        if unknown := sum(figures["unknown_labels"].values()):
            by_head = ", ".join(f"{head} {photos}" for head, photos in figures["unknown_labels"].items() if photos)
            self.stdout.write(f"Not counted: {unknown} labels that it never learned ({by_head}).")
        for reason, count in evaluated.skipped.counts.most_common():
            named = ", ".join(evaluated.skipped.examples[reason][:3])
            self.stdout.write(f"Left out: {count} photos, {reason} ({named}).")
        for line in never_seen_lines(figures["never_seen"]):
            self.stdout.write(line)
        for head in figures["heads"]:
            for confusion in [item for item in evaluated.confused if item.head == head][:SHOWN_CONFUSIONS]:
                self.stdout.write(f"{confusion.count:>4} x {head}: {confusion.truth} taken for {confusion.answer}")
        # Like all that the command prints; the report is in the site's languages.
        with translation.override("en"):
            for advice in next_steps(figures):
                self.stdout.write(f"Next: {advice}")


def _records(directory: Path, folder: Path | None, split: str | None) -> list[PhotoRecord]:
    """Return the photos to test on: a folder's, or what the version was not trained on."""
    from ad_autocategorize.cars.hold_out import only_held_out
    from ad_autocategorize.cars.labelled_photos import ad_photo_records, imported_photo_records, read_photo_set

    if folder is not None:
        photos = folder / "photos" if (folder / "photos").is_dir() else folder
        return list(read_photo_set(folder / "labels.csv", photos, split=split))
    return list(only_held_out(chain(ad_photo_records(car_source()), imported_photo_records()), directory))
