"""What the commands that train have in common: a log kept with the version, and the gate's verdict."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import translation

from ad_autocategorize.logs import log
from ad_autocategorize.management.base import ExtraCommand
from ad_autocategorize.models import ModelVersion, Origin
from ad_autocategorize.versions import Training
from ad_autocategorize.versions.log import TrainingLog
from ad_autocategorize.versions.wording import reasons_of, warnings_of

# The exit status of a training whose version was refused: nothing is broken, but a person should look.
REFUSED = 3


class TrainingCommand(ExtraCommand):
    """A command that trains, and puts what passes the gate into service."""

    kind: ModelVersion.Kind
    # For ``call_command`` alone: what started the training.
    stealth_options = ("origin",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._log = TrainingLog()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-activate", action="store_true", help="Record the new version without serving it.")
        parser.add_argument(
            "--force", action="store_true", help="Serve the new version even if it is worse than the one in service."
        )

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; a training that failed is noted for whoever reads the log of all machines."""
        try:
            return super().execute(*args, **options)
        except CommandError as error:
            if error.returncode != REFUSED:
                # The command says it too: as information it is not printed twice where logging is not set up.
                log(logging.INFO, "training_finished", "%s", error, status="failed", kind=self.kind)
            raise

    def training(self, options: dict[str, Any]) -> Training:
        """Return how the training was started, by the command line's options."""
        return Training(
            activate=not options["no_activate"],
            force=options["force"],
            origin=options.get("origin", Origin.COMMAND),
        )

    def begin_log(self) -> TrainingLog:
        """Start the log of a training; ``say`` writes to it."""
        self._log = TrainingLog()
        return self._log

    def say(self, line: str, *, warning: bool = False) -> None:
        """Write a line to the standard output and the log."""
        self._log.add(line)
        self.stdout.write(self.style.WARNING(line) if warning else line)

    def finish(self, version: ModelVersion, learned: str, training: Training) -> list[str]:
        """Say what became of a version, keep the log with it, and return why it was refused, if that is so.

        ``learned`` says in words what was learned from.
        """
        # Commands speak English, whatever the site does.
        with translation.override(None):
            for warning in warnings_of(version):
                self.say(warning, warning=not version.parent)
            reasons = reasons_of(version)
        for reason in reasons:
            self.say(f"Against it: {reason}", warning=True)
        self._log.add(f"{version.name}: {learned}, {_state(version)}.")
        self._log.keep(version)
        self.stdout.write(self.style.SUCCESS(f"{version.name}: {learned}, {_state(version)}."))
        fields = {**version.slot, "version": version.name, "ads": version.ad_count, "seconds": self._log.seconds}
        log(
            logging.INFO, "training_finished", "%s: %s.", version.name, _state(version), status=version.status, **fields
        )
        return [f"{version.name}: {reason}" for reason in reasons] if version.is_refused and training.activate else []

    def refuse(self, reasons: Sequence[str]) -> None:
        """Raise ``CommandError`` with the reasons, if there are any."""
        if reasons:
            raise CommandError(
                f"Not promoted; the version in service stays. {' '.join(reasons)} If that is meant, promote it with "
                "manage.py models activate NAME --force.",
                returncode=REFUSED,
            )


def _state(version: ModelVersion) -> str:
    if version.is_active:
        return "active, by force" if version.forced else "active"
    return "refused" if version.is_refused else "recorded, not active"
