"""``manage.py sync_taxonomy``"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ad_autocategorize.sources import AdSource, SourceError, using_source
from ad_autocategorize.sources.mirror import mirror
from ad_autocategorize.sources.registered import source_names
from taxonomy.bulk import upsert_categories
from taxonomy.models import Category
from taxonomy.progress import show_notes
from taxonomy.rows import ImportRefused


class Command(BaseCommand):
    help = (
        "Mirror the marketplace's own categories into the taxonomy; those that have gone are switched off. Run it before the "
        "first training, and whenever your categories have changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Say what would change and change nothing.")
        parser.add_argument(
            "--rekey",
            action="store_true",
            help="Find categories by their paths and give them the keys of today, as after another numbering.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            mirrored = [self._sync(name, options) for name in source_names()]
        except (SourceError, ImportRefused) as error:
            raise CommandError(str(error)) from error
        if not any(mirrored):
            raise CommandError("Ads point at taxonomy.Category itself: there is nothing to mirror.")

    def _sync(self, name: str, options: dict[str, Any]) -> bool:
        """Mirror the categories of one source; return whether it has its own."""
        with using_source(name) as source:
            if source.uses_taxonomy:
                return False
            self.stderr.write(f"{f'{name}. ' if name else ''}Reading the site's categories.", style_func=str)
            own = Category.objects.filter(scope=source.scope).exclude(external_id=None)
            names = {} if options["rekey"] else dict(own.values_list("external_id", "name"))
            mirrored = mirror(source, names)
            summary = upsert_categories(
                mirrored.rows,
                deactivate_missing=True,
                rekey=options["rekey"],
                scope=source.scope,
                dry_run=options["dry_run"],
            )
            prefix = "Would be: " if options["dry_run"] else "Categories: "
            self.stdout.write(f"{f'{name}. ' if name else ''}{prefix}{summary}.")
            show_notes(self.stderr, [*mirrored.notes, *summary.notes])
            if not options["dry_run"] and (lost := _no_way_back(source)) is not None:
                self.stderr.write(
                    self.style.WARNING(
                        f"{type(source).__name__}.host_category({lost!r}) does not return the category with this key: "
                        "moderators cannot file ads there."
                    )
                )
        return True


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
