"""``manage.py retrain_classifiers``"""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ad_autocategorize.categories.label_weights import PLAIN
from ad_autocategorize.categories.retraining import Request, Result, retrain_titles
from ad_autocategorize.item_photos.names import PART_KEY
from ad_autocategorize.management.arguments import day, jobs, positive, seed
from ad_autocategorize.management.bars import StageBars
from ad_autocategorize.management.base import ExtraCommand
from ad_autocategorize.management.item_photos import write_item_photos
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.sources import SourceError, using_source
from ad_autocategorize.sources.languages import training_languages
from ad_autocategorize.sources.registered import source_names
from ad_autocategorize.versions import TrainingBusy

INTERRUPTED = 130
# From this calibration error on probabilities mislead.
POOR_CALIBRATION = 0.1
TABLE_HEADER = f"{'level':>5} {'accuracy':>9} {'precision':>10} {'recall':>7} {'F1':>7} {'macro F1':>9} {'ads':>8}"


class Command(ExtraCommand):
    help = "Train the title classifiers on the published ads, test them on a hold-out, and put them into service."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--limit", type=positive, help="Learn from at most this many ads.")
        parser.add_argument("--since", type=day, metavar="YYYY-MM-DD", help="Learn from ads of this date or later.")
        parser.add_argument("--no-activate", action="store_true", help="Record the new version without serving it.")
        parser.add_argument(
            "--jobs", type=jobs, default=1, help="Processes that train (default 1; at most one a processor)."
        )
        parser.add_argument(
            "--no-photos", action="store_true", help="Learn from titles alone, whatever photos ads have."
        )
        parser.add_argument("--seed", type=seed, default=0, help="Fixes the hold-out and the solvers (default 0).")
        parser.add_argument("--source", help="The name of one of several sources; all of them by default.")

    def handle(self, *args: Any, **options: Any) -> None:
        names = source_names() if options["source"] is None else [options["source"]]
        for name in names:
            for language in training_languages():
                if name or language:
                    self.stdout.write(" ".join(part for part in (name, language) if part))
                self._train(name, self._request(language, options))

    def _request(self, language: str, options: dict[str, Any]) -> Request:
        return Request(
            since=options["since"],
            limit=options["limit"],
            activate=not options["no_activate"],
            jobs=options["jobs"],
            seed=options["seed"],
            language=language,
            photos=not options["no_photos"],
        )

    def _train(self, name: str, request: Request) -> None:
        try:
            with using_source(name) as source, StageBars(self.stderr) as progress:
                result = retrain_titles(source, request, progress)
        except (SourceError, TrainingBusy, LookupError, ValueError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The model cannot be written: {error}. Check MODEL_DIR.") from error
        except KeyboardInterrupt:
            self.stderr.write("Interrupted; the version in service is unchanged.")
            sys.exit(INTERRUPTED)
        self._report(result)

    def _report(self, result: Result) -> None:
        metrics = result.version.metrics
        self.stdout.write(f"Hold-out: trained on {metrics['train_size']} ads, tested on {metrics['test_size']}.")
        self.stdout.write(TABLE_HEADER)
        for level in metrics["levels"]:
            self.stdout.write(
                f"{level['level']:>5} {level['accuracy']:>9.4f} {level['precision_weighted']:>10.4f} "
                f"{level['recall_weighted']:>7.4f} {level['f1_weighted']:>7.4f} {level['f1_macro']:>9.4f} "
                f"{level['support']:>8}"
            )
        self.stdout.write(
            f"Whole path {metrics['path_accuracy']:.4f}, among the first three {metrics['top3_accuracy']:.4f}, "
            f"expected calibration error {metrics['expected_calibration_error']:.4f}."
        )
        self._warn(metrics)
        for reason, count in result.skipped.most_common():
            self.stdout.write(f"Left out: {count} ads, {reason}.")
        for origin, count in sorted(result.labels.origins.items()):
            if origin != PLAIN:
                self.stdout.write(f"Labels that are {origin}: {count} ads, weighed by the setting.")
        if result.labels.capped:
            self.stdout.write(
                f"Of sellers beyond ADS_PER_SELLER in a category: {result.labels.capped} ads, weighed down."
            )
        if PART_KEY in metrics:
            write_item_photos(metrics[PART_KEY], self.stdout.write)
        if result.before is not None:
            self._compare(result.before, metrics)
        state = "active" if result.version.is_active else "recorded, not active"
        self.stdout.write(self.style.SUCCESS(f"{result.version.name}: {result.version.ad_count} ads, {state}."))

    def _warn(self, metrics: dict[str, Any]) -> None:
        thin, categories, few = (metrics[name] for name in ("thin_categories", "categories", "few_ads"))
        if thin > categories / 2:
            self.stdout.write(
                self.style.WARNING(
                    f"{thin} of {categories} categories have fewer than {few} ads: suggestions there are often wrong. "
                    "evaluate_classifiers lists them; merge some, or wait for more ads."
                )
            )
        error = metrics["expected_calibration_error"]
        if error > POOR_CALIBRATION:
            self.stdout.write(
                self.style.WARNING(
                    f"Probabilities are off by {error:.0%} on average: file no ads by them without a person looking. "
                    "More ads a category are the remedy."
                )
            )

    def _compare(self, before: ModelVersion, metrics: dict[str, Any]) -> None:
        earlier = before.metrics.get("path_accuracy")
        if earlier is not None:
            change = metrics["path_accuracy"] - earlier
            self.stdout.write(f"{before.name} had {earlier:.4f} on its own hold-out: {change:+.4f}.")
