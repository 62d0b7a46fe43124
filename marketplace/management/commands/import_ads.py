"""``manage.py import_ads FILE``"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from marketplace.ad_import import import_ads, read_ads
from taxonomy.bulk import ImportRefused
from taxonomy.readers.bounded import printable
from taxonomy.readers.source import read_text


class Command(BaseCommand):
    help = "Import published ads from CSV (title, category_path, date, id), gzipped or not; all or, on a bad row, none."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="The file, '-' for standard input.")
        parser.add_argument("--seller", default="importador", help="User name of the seller, made where missing.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                seller, _ = get_user_model().objects.get_or_create(username=options["seller"])
                created, known = import_ads(read_ads(read_text(options["file"])), seller)
        except ImportRefused as error:
            raise CommandError(printable(str(error))) from error
        self.stdout.write(f"Ads: {created} created, {known} were there already.")
