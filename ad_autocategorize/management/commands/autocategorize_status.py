"""``manage.py autocategorize_status``: whether what should be served is, and whether it still fits the ads."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ad_autocategorize import registry
from ad_autocategorize.categories.drift import FEWEST_ADS, Drift, measure_drift
from ad_autocategorize.health import look
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.moderation.feedback.figures import acceptance_lately
from ad_autocategorize.registry import ServingState
from ad_autocategorize.sources import SourceError, using_source
from ad_autocategorize.statistics.proportions import Difference
from ad_autocategorize.statistics.stability import MOVED, STEADY


class Command(BaseCommand):
    help = (
        "Say which models are in service here, what is wrong with them, and whether the ads of today still look like those that "
        "they were tested on. Exits with 1 if something else is served than should be."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="What is in service, for programs; nothing of the ads.")

    def handle(self, *args: Any, **options: Any) -> None:
        found = look()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found), indent=1))
        else:
            self.stdout.write(f"Status: {found.status}")
            for state in found.models:
                self._tell(state)
            self._tell_acceptance(acceptance_lately())
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
        version = ModelVersion.objects.filter(name=state.serving, kind=ModelVersion.Kind.TITLES).first()
        active = registry.active_scorer(state.source, state.language)
        if version is None or active is None:
            return
        try:
            with using_source(state.source) as source:
                self._tell_drift(measure_drift(source, version, active.scorer, language=state.language))
        except SourceError as error:
            self.stdout.write(f"  Whether the ads have changed cannot be told: {error}")

    def _tell_drift(self, drift: Drift | None) -> None:
        if drift is None:
            self.stdout.write(
                f"  Fewer than {FEWEST_ADS} ads since it was trained: too few to tell whether they have changed."
            )
            return
        self.stdout.write(f"  {drift.ads} ads since it was trained, beside those of its hold-out:")
        for name, index in (("main categories", drift.branches), ("confidence", drift.confidence)):
            text = f"  {name}: {_reading(index)} (population stability index {index:.2f})"
            self.stdout.write(self.style.WARNING(text) if index >= MOVED else text)
        now, then = drift.unknown.first, drift.unknown.second
        text = f"  unknown words: {now.percent} %, then {then.percent} %"
        more = drift.unknown.interval.low > 0
        self.stdout.write(self.style.WARNING(f"{text}: train anew if that grows") if more else text)

    def _tell_acceptance(self, lately: Difference | None) -> None:
        if lately is None:
            return
        text = (
            f"Ads filed under the first suggestion in the last four weeks: {lately.first.percent} % of {lately.first.whole}; in "
            f"the four before: {lately.second.percent} % of {lately.second.whole}."
        )
        self.stdout.write(self.style.WARNING(f"{text} It has fallen.") if lately.interval.high < 0 else text)


def _reading(index: float) -> str:
    if index < STEADY:
        return "steady"
    return "moved" if index < MOVED else "moved far, train anew"
