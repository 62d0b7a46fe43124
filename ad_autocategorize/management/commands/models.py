"""``manage.py models``"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation

from ad_autocategorize.categories.item_photo_clearing import clear_away
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.management.arguments import moment, positive
from ad_autocategorize.management.versions import comparison_lines, described, detail_lines, table
from ad_autocategorize.models import ModelActivation, ModelVersion
from ad_autocategorize.versions import KEPT_VERSIONS, TrainingBusy, prune, training_lock
from ad_autocategorize.versions.comparing import compare_versions
from ad_autocategorize.versions.history import NoWayBack, active_version, put_into_service, roll_back
from ad_autocategorize.versions.wording import reasons_of


class Command(BaseCommand):
    help = "List, show and compare the trained models, put one into service, go back to the one before, and delete old ones."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="action")
        listing = actions.add_parser("list", help="The versions there are, or those that served at a moment.")
        _add_slot(listing)
        listing.add_argument(
            "--at", type=moment, metavar="MOMENT", help="What served then, such as 2026-11-24T12:00 in the site's time."
        )
        showing = actions.add_parser("show", help="Everything that is known of a version.")
        showing.add_argument("name")
        for each in (listing, showing):
            each.add_argument("--json", action="store_true", help="For scripts.")
        comparing = actions.add_parser("compare", help="Two versions side by side.")
        comparing.add_argument("name")
        comparing.add_argument("other", nargs="?", help="The one in service, if it is left out.")
        activating = actions.add_parser("activate", help="Put a version into service.")
        activating.add_argument("name")
        activating.add_argument("--force", action="store_true", help="Even if it was refused.")
        rolling = actions.add_parser("rollback", help="Go back to the version that served before.")
        _add_slot(rolling)
        for each in (activating, rolling):
            each.add_argument("--note", default="", help="Why, for the history.")
        pruning = actions.add_parser("prune", help="Delete old versions; the history keeps their names.")
        _add_slot(pruning)
        pruning.add_argument(
            "--keep",
            type=positive,
            default=KEPT_VERSIONS,
            help=f"Of those that served, and of those that never did (default {KEPT_VERSIONS} each).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        actions = {
            "list": self._list,
            "show": self._show,
            "compare": self._compare,
            "activate": self._activate,
            "rollback": self._roll_back,
            "prune": self._prune,
        }
        try:
            # Commands speak English, whatever the site does.
            with translation.override(None):
                actions[options["action"]](options)
        except (LookupError, ValueError, TrainingBusy) as error:
            raise CommandError(str(error)) from error

    def _list(self, options: dict[str, Any]) -> None:
        if options["at"] is not None:
            self._list_serving(options)
            return
        versions = list(ModelVersion.objects.filter(**_given(options)))
        if options["json"]:
            self._write_json([described(version) for version in versions])
            return
        if not versions:
            self.stdout.write("There are no versions yet: retrain_classifiers and retrain_cnn make them.")
        self._write(table(versions))

    def _list_serving(self, options: dict[str, Any]) -> None:
        """Say which version answered at a moment, for each kind, source and language."""
        found = [row for row in _serving(options["at"], _given(options)) if row is not None]
        if options["json"]:
            rows = [
                {"name": row.name, "kind": row.kind, "source": row.source, "language": row.language, "since": row.at}
                for row in found
            ]
            self._write_json(rows)
            return
        if not found:
            self.stdout.write("No version served then.")
        for row in found:
            slot = " ".join(part for part in (row.kind, row.source, row.language) if part)
            gone = "" if row.version_id else " (pruned since)"
            self.stdout.write(f"{slot}: {row.name}{gone}, since {timezone.localtime(row.at):%Y-%m-%d %H:%M}")

    def _show(self, options: dict[str, Any]) -> None:
        version = _named(options["name"])
        if options["json"]:
            self._write_json(described(version, whole=True))
        else:
            self._write(detail_lines(version))

    def _compare(self, options: dict[str, Any]) -> None:
        version = _named(options["name"])
        other = _named(options["other"]) if options["other"] else active_version(version.slot)
        if other is None or other == version:
            raise LookupError("There is nothing to compare it with: name another version.")
        self._write(comparison_lines(compare_versions(other, version)))

    def _activate(self, options: dict[str, Any]) -> None:
        version = _named(options["name"])
        if version.is_active:
            raise ValueError(f"{version} is in service already.")
        if version.status == ModelVersion.Status.REFUSED and not options["force"]:
            raise ValueError(f"{version} was refused. {' '.join(reasons_of(version))} --force serves it all the same.")
        put_into_service(version, note=options["note"])
        self.stdout.write(self.style.SUCCESS(f"{version} is in service."))

    def _roll_back(self, options: dict[str, Any]) -> None:
        slots = list(_slots(_given(options)))
        if not slots:
            raise NoWayBack("There is no such version: nothing to roll back.")
        if len(slots) > 1:
            named = "; ".join(_options_of(slot) for slot in slots)
            raise LookupError(f"Say which models to roll back: {named}.")
        activation = roll_back(slots[0], note=options["note"])
        self.stdout.write(self.style.SUCCESS(f"{activation.name} is in service again."))

    def _prune(self, options: dict[str, Any]) -> None:
        pruned = []
        for slot in _slots(_given(options)):
            with training_lock(plugin_settings.model_dir, slot["kind"]):
                pruned += prune(slot, options["keep"])
        with training_lock(plugin_settings.model_dir, ModelVersion.Kind.TITLES):
            deleted = clear_away(plugin_settings.model_dir)
        for name in [*pruned, *deleted]:
            self.stdout.write(f"Deleted: {name}.")
        self.stdout.write(f"{len(pruned)} versions deleted.")

    def _write(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.stdout.write(line)

    def _write_json(self, document: Any) -> None:
        self.stdout.write(json.dumps(document, indent=1, default=datetime.isoformat, ensure_ascii=False))


def _add_slot(parser: Any) -> None:
    parser.add_argument("--kind", choices=ModelVersion.Kind.values, help="titles or photos; both by default.")
    parser.add_argument("--source", help="Of this kind of ads alone.")
    parser.add_argument("--language", help="Of this language alone.")


def _given(options: dict[str, Any]) -> dict[str, str]:
    """Return the options that name a slot, as a filter."""
    return {name: options[name] for name in ("kind", "source", "language") if options[name] is not None}


def _slots(given: dict[str, str]) -> Iterator[dict[str, str]]:
    rows = ModelVersion.objects.filter(**given).order_by("kind", "source", "language")
    for kind, source, language in rows.values_list("kind", "source", "language").distinct():
        yield {"kind": kind, "source": source, "language": language}


def _serving(moment: datetime, given: dict[str, str]) -> Iterator[ModelActivation | None]:
    slots = ModelActivation.objects.filter(**given).order_by("kind", "source", "language")
    for slot in slots.values("kind", "source", "language").distinct():
        yield ModelActivation.objects.of(**slot).serving_at(moment)


def _options_of(slot: dict[str, str]) -> str:
    return " ".join(f"--{name} {value}" for name, value in slot.items() if value)


def _named(name: str) -> ModelVersion:
    """Return a version by its name, or by a part of it that no other has. Raises ``LookupError``."""
    found = list(ModelVersion.objects.filter(name=name) or ModelVersion.objects.filter(name__contains=name)[:2])
    if not found:
        raise LookupError(f"There is no version {name!r}; manage.py models list names those there are.")
    if len(found) > 1:
        raise LookupError(f"{name!r} is a part of several names: {', '.join(map(str, found))}, ...")
    return found[0]
