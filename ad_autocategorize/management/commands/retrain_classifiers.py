"""``manage.py retrain_classifiers``"""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import translation

from ad_autocategorize.categories.label_weights import PLAIN
from ad_autocategorize.categories.retraining import TrainingRequest, TrainingResult, retrain_titles
from ad_autocategorize.item_photos.names import PART_KEY
from ad_autocategorize.management.arguments import day, jobs, positive, seed
from ad_autocategorize.management.bars import StageBars
from ad_autocategorize.management.item_photos import write_item_photos
from ad_autocategorize.management.training import TrainingCommand
from ad_autocategorize.model_storage import StorageError
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.sources import SourceError, using_source
from ad_autocategorize.sources.languages import training_languages
from ad_autocategorize.sources.registered import source_names
from ad_autocategorize.versions import TrainingBusy
from ad_autocategorize.versions.incremental import INCREMENTAL, incremental_lines
from ad_autocategorize.versions.log import TrainingLog

INTERRUPTED = 130
# From this calibration error on probabilities mislead.
POOR_CALIBRATION = 0.1
TABLE_HEADER = f"{'level':>5} {'accuracy':>9} {'precision':>10} {'recall':>7} {'F1':>7} {'macro F1':>9} {'ads':>8}"


class Command(TrainingCommand):
    kind = ModelVersion.Kind.TITLES
    help = (
        "Train the title classifiers on the published ads, test them on a hold-out, and put them into service unless they are "
        "worse than those that serve. Run it first of all, then each night, or whenever many ads or categories have changed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--limit", type=positive, help="Learn from at most this many ads.")
        parser.add_argument("--since", type=day, metavar="YYYY-MM-DD", help="Learn from ads of this date or later.")
        parser.add_argument(
            "--jobs", type=jobs, default=1, help="Processes that train (default 1; at most one per processor)."
        )
        parser.add_argument(
            "--scheduler",
            metavar="ADDRESS",
            help="Train on the Dask cluster at this address, such as tcp://10.0.0.1:8786.",
        )
        parser.add_argument(
            "--no-photos", action="store_true", help="Learn from titles alone, whatever photos ads have."
        )
        parser.add_argument(
            "--changed",
            action="store_true",
            help="Train only the nodes whose ads have changed since the version in service was trained.",
        )
        parser.add_argument("--seed", type=seed, default=0, help="Fixes the hold-out and the solvers (default 0).")
        parser.add_argument("--source", help="The name of one of several sources; all of them by default.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["changed"] and (options["since"] or options["limit"]):
            raise CommandError("--changed compares all ads: leave --since and --limit out.")
        names = source_names() if options["source"] is None else [options["source"]]
        refused: list[str] = []
        for name in names:
            for language in training_languages():
                log = self.begin_log()
                if name or language:
                    self.say(" ".join(part for part in (name, language) if part))
                refused += self._train(name, self._request(language, options), log, options["verbosity"])
        self.refuse(refused)

    def _request(self, language: str, options: dict[str, Any]) -> TrainingRequest:
        return TrainingRequest(
            since=options["since"],
            limit=options["limit"],
            training=self.training(options),
            jobs=options["jobs"],
            scheduler=options["scheduler"],
            seed=options["seed"],
            language=language,
            photos=not options["no_photos"],
            changed=options["changed"],
        )

    def _train(self, name: str, request: TrainingRequest, log: TrainingLog, verbosity: int) -> list[str]:
        """Train one model, and return why it was refused, if that is so."""
        try:
            with using_source(name) as source, StageBars(self.stderr, "reading ads", verbosity) as progress:
                result = retrain_titles(source, request, log.watch(progress))
        except (SourceError, TrainingBusy, StorageError, LookupError, ValueError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The model cannot be written: {error}. Check MODEL_DIR.") from error
        except KeyboardInterrupt:
            self.stderr.write("Interrupted; the version in service is unchanged.")
            sys.exit(INTERRUPTED)
        if result.version is None:
            self.say(f"Nothing has changed since {result.before}: no new version.")
            return []
        if result.why_whole:
            self.say(f"All nodes were trained: {result.why_whole}.", warning=True)
        self._report(result, result.version)
        return self.finish(result.version, f"{result.version.ad_count} ads", request.training)

    def _report(self, result: TrainingResult, version: ModelVersion) -> None:
        metrics = version.metrics
        # Commands speak English, whatever the site does.
        with translation.override(None):
            for line in incremental_lines(version):
                self.say(line)
        self.say(f"Hold-out: trained on {metrics['train_size']} ads, tested on {metrics['test_size']}.")
        self.say(TABLE_HEADER)
        for level in metrics["levels"]:
            self.say(
                f"{level['level']:>5} {level['accuracy']:>9.4f} {level['precision_weighted']:>10.4f} "
                f"{level['recall_weighted']:>7.4f} {level['f1_weighted']:>7.4f} {level['f1_macro']:>9.4f} "
                f"{level['support']:>8}"
            )
        self.say(
            f"Whole path {metrics['path_accuracy']:.4f}, among the first three {metrics['top3_accuracy']:.4f}, "
            f"expected calibration error {metrics['expected_calibration_error']:.4f}."
        )
        self._warn(metrics)
        for reason, count in result.skipped.most_common():
            self.say(f"Left out: {count} ads, {reason}.")
        for origin, count in sorted(result.labels.origins.items()):
            if origin != PLAIN:
                self.say(f"Labels that are {origin}: {count} ads, weighed by the setting.")
        if result.labels.capped:
            self.say(f"Of sellers beyond ADS_PER_SELLER in a category: {result.labels.capped} ads, weighed down.")
        # Of a part of the nodes photos are not tested again.
        if PART_KEY in metrics and INCREMENTAL not in metrics:
            write_item_photos(metrics[PART_KEY], self.say)
        for name in result.deleted:
            self.say(f"Deleted: {name}.")

    def _warn(self, metrics: dict[str, Any]) -> None:
        thin, categories, few = (metrics[name] for name in ("thin_categories", "categories", "few_ads"))
        if thin > categories / 2:
            self.say(
                f"{thin} of {categories} categories have fewer than {few} ads: suggestions there are often wrong. "
                "evaluate_classifiers lists them; merge some, or wait for more ads.",
                warning=True,
            )
        error = metrics["expected_calibration_error"]
        if error > POOR_CALIBRATION:
            self.say(
                f"Probabilities are off by {error:.0%} on average: file no ads by them without a person looking. "
                "More ads per category are the remedy.",
                warning=True,
            )
