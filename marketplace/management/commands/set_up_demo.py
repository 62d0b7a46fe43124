"""``manage.py set_up_demo``"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from ad_autocategorize.models import LabelIssue, ModelVersion
from marketplace.demo.network import install_network
from marketplace.models import Ad


class Command(BaseCommand):
    help = "Make a site to try everything on: ads, both models, the moderators' queue. What is there already stays as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--ads", type=int, default=6000, help="How many ads (default 6000).")
        parser.add_argument("--cars", type=int, default=900, help="How many ads of cars (default 900).")

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        steps: list[tuple[str, Callable[[], bool]]] = [
            ("Setting up the database", _migrate),
            ("Writing ads and drawing pictures", lambda: _fill(options["ads"], options["cars"])),
            ("Putting the photo network into service, which comes trained", lambda: install_network() is not None),
            ("Training on the titles", _train),
            ("Looking for ads in the wrong category, for the moderators (the longest step)", _search),
        ]
        for number, (title, work) in enumerate(steps, 1):
            self._step(f"{number}/{len(steps)} {title} ...", work)
        self.stdout.write(f"All there after {time.monotonic() - begun:.0f} seconds.")

    def _step(self, title: str, work: Callable[[], bool]) -> None:
        """Say what is done, do it, and say how long it took; ``work`` returns whether there was anything to do."""
        self.stdout.write(self.style.MIGRATE_HEADING(title))
        self.stdout.flush()
        begun = time.monotonic()
        done = work()
        self.stdout.write(f"    {time.monotonic() - begun:.1f} s" if done else "    there already")
        self.stdout.flush()


def _migrate() -> bool:
    call_command("migrate", verbosity=0)
    return True


def _fill(ads: int, cars: int) -> bool:
    if Ad.objects.exists():
        return False
    call_command("create_demo", ads=ads, cars=cars)
    return True


def _train() -> bool:
    if ModelVersion.objects.filter(kind=ModelVersion.Kind.TITLES, is_active=True).exists():
        return False
    call_command("retrain_classifiers")
    return True


def _search() -> bool:
    if LabelIssue.objects.exists():
        return False
    # Fewer folds than on a site that has a night for it.
    call_command("find_mislabels", folds=3, jobs=min(2, os.cpu_count() or 1))
    return True
