"""``manage.py draw_textures FOLDER``"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.demo.textures import COUNT, write_textures


class Command(BaseCommand):
    help = "Draw pictures of nothing that are grained as photographs are, for import_car_photos."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="Where to write them and their labels.csv.")
        parser.add_argument("--count", type=int, default=COUNT, help=f"How many (default {COUNT}).")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            write_textures(options["folder"], options["count"])
        except OSError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{options['folder']}: {options['count']} pictures.")
