"""``manage.py autocategorize_status``: whether what should be served can be."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ad_autocategorize.health import look
from ad_autocategorize.registry import ServingState


class Command(BaseCommand):
    help = "Say which models are in service here, and what is wrong with them. Exits with 1 unless all is well."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="For programs.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = look()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found), indent=1))
        else:
            self.stdout.write(f"Status: {found.status}")
            for state in found.models:
                self._tell(state)
        if found.status != "ok":
            sys.exit(1)

    def _tell(self, state: ServingState) -> None:
        which = " ".join(filter(None, (state.kind, state.source, state.language)))
        if state.serving:
            self.stdout.write(f"{which}: {state.serving} is in service.")
        else:
            self.stdout.write(f"{which}: nothing is in service.")
        if state.problem:
            self.stdout.write(self.style.ERROR(f"  {state.problem}"))
