"""``manage.py import_car_catalog FILE``"""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from taxonomy.car_catalog import upsert_cars
from taxonomy.progress import show_notes, show_progress
from taxonomy.readers.bounded import printable
from taxonomy.readers.cars import read_cars
from taxonomy.readers.source import read_text
from taxonomy.rows import ImportRefused


class Command(BaseCommand):
    help = "Import brands, models, body types and years from CSV or JSON; all of it or, on a bad row, nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="The file, '-' for standard input.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would change and change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            summary = upsert_cars(
                read_cars(read_text(options["file"])),
                dry_run=options["dry_run"],
                progress=show_progress(sys.stderr, "Writing car models"),
            )
        except ImportRefused as error:
            raise CommandError(printable(str(error))) from error
        prefix = "Would be: " if options["dry_run"] else "Car models: "
        self.stdout.write(f"{prefix}{summary}.")
        show_notes(self.stdout, summary.notes)
