"""``manage.py import_taxonomy FILE``"""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from taxonomy.bulk import ImportRefused, upsert_categories
from taxonomy.progress import show_progress
from taxonomy.readers.categories import read_categories
from taxonomy.readers.source import read_text


class Command(BaseCommand):
    help = "Import a category tree from CSV, JSON or 'id - A > B > C' lines; all of it or, on a bad row, nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="The file, '-' for standard input.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would change and change nothing.")
        parser.add_argument(
            "--deactivate-missing", action="store_true", help="Switch off the categories that the file does not name."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rows = list(read_categories(read_text(options["file"])))
            summary = upsert_categories(
                rows,
                deactivate_missing=options["deactivate_missing"],
                dry_run=options["dry_run"],
                progress=show_progress(sys.stderr, "Writing categories"),
            )
        except ImportRefused as error:
            raise CommandError(str(error)) from error
        prefix = "Would be: " if options["dry_run"] else "Categories: "
        self.stdout.write(f"{prefix}{summary}.")
