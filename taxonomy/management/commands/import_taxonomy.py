"""``manage.py import_taxonomy FILE``"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from taxonomy.bulk import ImportSummary, upsert_categories
from taxonomy.names import join_path
from taxonomy.progress import show_notes, show_progress
from taxonomy.readers.bounded import printable
from taxonomy.readers.categories import read_categories
from taxonomy.readers.source import read_text
from taxonomy.rows import CategoryRow, ImportRefused

PATHS_SHOWN = 8


class Command(BaseCommand):
    help = (
        "Import a category tree from CSV, JSON or lines such as 'id - A > B > C'; all of it or, on a bad row, nothing. "
        "See with --dry-run how the file is read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="The file, '-' for standard input.")
        parser.add_argument(
            "--dry-run", action="store_true", help="Show the first paths and what would change; at a terminal, ask."
        )
        parser.add_argument(
            "--deactivate-missing", action="store_true", help="Switch off the categories that the file does not name."
        )
        parser.add_argument(
            "--rekey", action="store_true", help="Find categories by their paths and give them the file's ids."
        )
        parser.add_argument(
            "--separator", help="The sign between the steps of a path, if it is not to be told from the file."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rows = read_categories(read_text(options["file"]), options["separator"])
            if options["dry_run"]:
                self._show(rows)
                summary = self._import(rows, options, dry_run=True)
                self.stdout.write(f"Would be: {summary}.")
                show_notes(self.stdout, summary.notes)
                if not self._confirmed(options["file"]):
                    return
            summary = self._import(rows, options, dry_run=False)
        except ImportRefused as error:
            raise CommandError(printable(str(error))) from error
        self.stdout.write(f"Categories: {summary}.")
        if not options["dry_run"]:
            show_notes(self.stdout, summary.notes)

    def _import(self, rows: Sequence[CategoryRow], options: dict[str, Any], *, dry_run: bool) -> ImportSummary:
        return upsert_categories(
            rows,
            deactivate_missing=options["deactivate_missing"],
            rekey=options["rekey"],
            dry_run=dry_run,
            progress=show_progress(sys.stderr, "Writing categories"),
        )

    def _show(self, rows: Sequence[CategoryRow]) -> None:
        self.stdout.write(f"{len(rows)} rows; the first are read as")
        for row in rows[:PATHS_SHOWN]:
            key = f"  (id {row.external_id})" if row.external_id else ""
            self.stdout.write(f"  {join_path(row.path)}{key}")

    def _confirmed(self, file: str) -> bool:
        if file == "-" or not (sys.stdin.isatty() and sys.stdout.isatty()):
            return False
        return input("Is this right? Write it now? [y/N] ").strip().casefold() in ("y", "yes")
