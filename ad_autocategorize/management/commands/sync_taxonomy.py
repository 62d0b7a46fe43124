"""``manage.py sync_taxonomy``"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ad_autocategorize.sources import AdSource, SourceError, get_source
from ad_autocategorize.sources.mirror import mirror
from taxonomy.bulk import upsert_categories
from taxonomy.models import Category
from taxonomy.progress import show_notes
from taxonomy.rows import ImportRefused


class Command(BaseCommand):
    help = "Mirror the marketplace's own categories into the taxonomy; those that have gone are switched off."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Say what would change and change nothing.")
        parser.add_argument(
            "--rekey",
            action="store_true",
            help="Find categories by their paths and give them the keys of today, as after another numbering.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            source = get_source()
            if source.uses_taxonomy:
                raise CommandError("Ads point at taxonomy.Category itself: there is nothing to mirror.")
            names = dict(Category.objects.exclude(external_id=None).values_list("external_id", "name"))
            mirrored = mirror(source, {} if options["rekey"] else names)
            summary = upsert_categories(
                mirrored.rows, deactivate_missing=True, rekey=options["rekey"], dry_run=options["dry_run"]
            )
        except (SourceError, ImportRefused) as error:
            raise CommandError(str(error)) from error
        prefix = "Would be: " if options["dry_run"] else "Categories: "
        self.stdout.write(f"{prefix}{summary}.")
        show_notes(self.stderr, [*mirrored.notes, *summary.notes])
        if not options["dry_run"] and (lost := _no_way_back(source)) is not None:
            self.stderr.write(
                self.style.WARNING(
                    f"{type(source).__name__}.host_category({lost!r}) does not return the category with this key: moderators "
                    "cannot file ads there."
                )
            )


def _no_way_back(source: AdSource) -> str | None:
    """Return the key of a category that ``host_category`` does not find; ``None`` where it finds them all."""
    for category in source.host_categories():
        steps = source.category_path(category)
        if not steps:
            continue
        key = steps[-1].external_id
        try:
            found = source.host_category(key)
        except (ValueError, TypeError, LookupError, ValidationError):
            found = None
        if found != category:
            return key
    return None
