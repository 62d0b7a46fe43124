"""``manage.py sync_taxonomy``"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ad_autocategorize.sources import AdSource, SourceError, get_source
from taxonomy.bulk import CategoryRow, ImportRefused, upsert_categories


class Command(BaseCommand):
    help = "Mirror the marketplace's own categories into the taxonomy; those that have gone are switched off."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Say what would change and change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            source = get_source()
            if source.uses_taxonomy:
                raise CommandError("Ads point at taxonomy.Category itself: there is nothing to mirror.")
            summary = upsert_categories(_rows(source), deactivate_missing=True, dry_run=options["dry_run"])
        except (SourceError, ImportRefused) as error:
            raise CommandError(str(error)) from error
        prefix = "Would be: " if options["dry_run"] else "Categories: "
        self.stdout.write(f"{prefix}{summary}.")
        if (lost := _no_way_back(source)) is not None:
            self.stderr.write(
                self.style.WARNING(
                    f"{type(source).__name__}.host_category({lost!r}) does not return the category with this key: moderators "
                    "cannot file ads there."
                )
            )


def _rows(source: AdSource) -> Iterator[CategoryRow]:
    """Yield every step of every path, so that main categories that hold no others' key get their own."""
    seen: set[str] = set()
    for category in source.host_categories():
        steps = source.category_path(category)
        for depth, step in enumerate(steps, start=1):
            if step.external_id not in seen:
                seen.add(step.external_id)
                yield CategoryRow(tuple(item.name for item in steps[:depth]), step.external_id)


def _no_way_back(source: AdSource) -> str | None:
    """Return the key of a category that ``host_category`` does not find; ``None`` where it finds them all."""
    for category in source.host_categories():
        key = source.category_path(category)[-1].external_id
        try:
            found = source.host_category(key)
        except (ValueError, TypeError, LookupError, ValidationError):
            found = None
        if found != category:
            return key
    return None
