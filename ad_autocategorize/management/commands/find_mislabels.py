"""``manage.py find_mislabels``"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from ad_autocategorize import registry
from ad_autocategorize.management.arguments import folds, jobs, positive, seed
from ad_autocategorize.management.bars import StageBars
from ad_autocategorize.management.base import ExtraCommand
from ad_autocategorize.moderation.search.label_issues import SearchOptions, SearchResult, find_label_issues
from ad_autocategorize.sources import SourceError, using_source
from ad_autocategorize.sources.registered import source_names
from ad_autocategorize.versions import TrainingBusy


class Command(ExtraCommand):
    help = (
        "Judge every published ad by models that never saw it, and fill the review queue with those that look mislabelled. Run "
        'it each night after retrain_classifiers; moderators then begin at "Moderation: start here" in the admin.'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--limit",
            type=positive,
            help="Put only so many, the surest errors, into the queue anew. What is open already stays while it is doubted.",
        )
        parser.add_argument("--folds", type=folds, default=4, help="Parts that the ads are judged in (default 4).")
        parser.add_argument("--photos", action="store_true", help="Look at car photos too, with the model in service.")
        parser.add_argument(
            "--jobs",
            type=jobs,
            default=1,
            help="Folds side by side, each in a process (default 1; at most one per processor).",
        )
        parser.add_argument("--source", help="The name of one of several sources; all of them by default.")
        parser.add_argument("--seed", type=seed, default=0, help="Fixes the folds and the solvers (default 0).")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = SearchOptions(
            limit=options["limit"],
            folds=options["folds"],
            jobs=options["jobs"],
            seed=options["seed"],
            photos=options["photos"],
        )
        try:
            if options["photos"] and registry.active_predictor() is None:
                self.stderr.write(
                    "No photo model is in service, so that photos say nothing: train one with retrain_cnn."
                )
            names = source_names() if options["source"] is None else [options["source"]]
            results = {name: self._search(name, chosen, options["verbosity"]) for name in names}
        except TrainingBusy as error:
            raise CommandError("Another search is filling the queue. Wait for it to end.") from error
        except (SourceError, LookupError, ValueError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"What the search keeps cannot be written: {error}. Check MODEL_DIR.") from error
        for name, result in results.items():
            if name:
                self.stdout.write(name)
            self._report(result)

    def _search(self, name: str, chosen: SearchOptions, verbosity: int) -> SearchResult:
        with using_source(name) as source, StageBars(self.stderr, "reading ads", verbosity) as progress:
            return find_label_issues(source, chosen, progress)

    def _report(self, result: SearchResult) -> None:
        self.stdout.write(f"Judged {result.ads} ads; an estimated {result.estimated_errors} labels are wrong.")
        for reason, count in result.skipped.most_common():
            self.stdout.write(f"Not judged: {count} ads, {reason}.")
        self.stdout.write(f"Settled by a moderator before: {result.remembered}. No longer doubted: {result.closed}.")
        self.stdout.write(f"Findings about the categories themselves: {result.findings}.")
        self.stdout.write(f"Car fields that contradict the car catalog or a photo: {result.car_issues}.")
        self.stdout.write(self.style.SUCCESS(f"Open in the review queue: {result.opened}."))
