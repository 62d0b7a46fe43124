"""``manage.py evaluate_classifiers``"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.management.arguments import day, folds, jobs, positive, seed
from ad_autocategorize.management.bars import StageBars
from ad_autocategorize.management.base import ExtraCommand
from ad_autocategorize.reports.labels import STAGES, label
from ad_autocategorize.reports.terminal import write_tables
from ad_autocategorize.reports.title_advice import next_steps
from ad_autocategorize.reports.titles import LANGUAGES, render_title_report
from ad_autocategorize.sources import SourceError, using_source
from ad_autocategorize.sources.languages import title_settings, training_languages
from ad_autocategorize.sources.registered import current_source_name
from ad_autocategorize.titles.settings import TitleSettings
from taxonomy.readers.bounded import printable
from taxonomy.readers.source import read_text

INTERRUPTED = 130


class Command(ExtraCommand):
    help = (
        "Measure how good the category suggestions are and where they are weak, on the published ads or on a CSV file. "
        "Trains several times and changes nothing; the version in service stays. Run it when you wonder what to do next: the "
        "report begins with that."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--csv",
            type=Path,
            metavar="FILE",
            help="Evaluate on this file in place of the marketplace: columns title, category_path ('A > B'), maybe date; "
            "UTF-8 or UTF-16, gzip or plain.",
        )
        parser.add_argument("--json", type=Path, metavar="FILE", help="Write everything measured.")
        parser.add_argument("--html", type=Path, metavar="FILE", help="Write a report with plots, in one file.")
        parser.add_argument("--language", choices=LANGUAGES, help="Of tables and report (default: the site's).")
        parser.add_argument("--full", action="store_true", help="Leave nothing out; several times as long.")
        parser.add_argument("--folds", type=folds, default=5, help="Of the cross-validation (default 5).")
        parser.add_argument(
            "--jobs", type=jobs, default=1, help="Processes that train (default 1; at most one per processor)."
        )
        parser.add_argument("--source", help="The name of one of several sources; the first one by default.")
        parser.add_argument(
            "--title-language", default="", help="Of LANGUAGES, the one whose ads are read (the first)."
        )
        parser.add_argument("--no-photos", action="store_true", help="Leave the photos of the ads out.")
        parser.add_argument("--seed", type=seed, default=0, help="Fixes splits, solvers and samples (default 0).")
        parser.add_argument(
            "--limit", type=positive, help="Take the first ads only, this many; of a file in its order."
        )
        parser.add_argument("--since", type=day, metavar="YYYY-MM-DD", help="Take ads from this day on.")

    def handle(self, *args: Any, **options: Any) -> None:
        files = [file for file in (options["json"], options["html"]) if file is not None]
        for file in files:
            _check_writable(file)
        if len({file.resolve() for file in files}) < len(files):
            raise CommandError("--json and --html name the same file.")
        language = options["language"] or _site_language()
        try:
            with translation.override(language), warnings.catch_warnings():
                # True of any small marketplace of many categories, and nothing that its owner could mend.
                warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")
                name, report = self._evaluate(options)
                # Files before the tables: a pager that closes early must not cost the result. Nor must a full disk.
                try:
                    self._write_files(options, name, report, language)
                finally:
                    write_tables(report, self.stdout.write)
                    for step in next_steps(report):
                        self.stdout.write(_("Next: %(step)s") % {"step": step})
        except (SourceError, ValueError) as error:
            raise CommandError(printable(str(error))) from error
        except OSError as error:
            raise CommandError(f"{error}. Check the path of the file.") from error
        except KeyboardInterrupt:
            self.stderr.write("Interrupted; nothing was written.")
            sys.exit(INTERRUPTED)

    def _evaluate(self, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        self._start = time.perf_counter()
        # Before what takes seconds to import.
        self._say(_("Reading the ads"))
        from ad_autocategorize.categories.corpus import read_marketplace
        from ad_autocategorize.titles.evaluation.corpus import read_csv
        from ad_autocategorize.titles.evaluation.protocol import FULL, QUICK, run_protocol

        language = options["title_language"] or training_languages()[0]
        settings = title_settings(language)
        chosen = {"since": options["since"], "limit": options["limit"]}
        if options["csv"]:
            name = options["csv"].name.split(".")[0]
            corpus = read_csv(
                read_text(str(options["csv"])), str(options["csv"]), longest=plugin_settings.MAX_TITLE_LENGTH, **chosen
            )
        else:
            with using_source(options["source"] or current_source_name()) as source:
                name = str(source.ad_model()._meta.verbose_name_plural)
                corpus = read_marketplace(source, language=language, **chosen)

        def progress(stage: str) -> None:
            self._say(label(STAGES, stage))

        report = run_protocol(
            corpus,
            settings,
            FULL if options["full"] else QUICK,
            folds=options["folds"],
            seed=options["seed"],
            jobs=options["jobs"],
            progress=progress,
        )
        photos = None
        if not options["csv"] and not options["no_photos"]:
            photos = self._evaluate_photos(settings, language, options)
        return name, report.to_dict(corpus.text) | ({"item_photos": photos} if photos else {})

    def _evaluate_photos(
        self, settings: TitleSettings, language: str, options: dict[str, Any]
    ) -> dict[str, Any] | None:
        from ad_autocategorize.categories.item_photo_report import evaluate_item_photos

        name, verbosity = options["source"] or current_source_name(), options["verbosity"]
        with using_source(name) as source, StageBars(self.stderr, _("Do photos help?"), verbosity) as progress:
            return evaluate_item_photos(
                source,
                settings,
                since=options["since"],
                limit=options["limit"],
                language=language,
                seed=options["seed"],
                progress=progress,
            )

    def _say(self, stage: str) -> None:
        # What goes to stderr is printed as an error unless another style is given.
        self.stderr.write(f"{time.perf_counter() - self._start:6.0f} s  {stage}", style_func=str)
        self.stderr.flush()

    def _write_files(self, options: dict[str, Any], name: str, report: dict[str, Any], language: str) -> None:
        texts: dict[Path, str] = {}
        if options["json"]:
            texts[options["json"]] = json.dumps(report, ensure_ascii=False, indent=1)
        if options["html"]:
            texts[options["html"]] = render_title_report(
                report, name=name, language=language, made=timezone.localtime()
            )
        refused = []
        for file, text in texts.items():
            try:
                file.write_text(text + "\n", encoding="utf-8")
            except OSError as error:
                refused.append(f"{file} cannot be written: {error}")
            else:
                self.stderr.write(_("Wrote %(file)s.") % {"file": file}, style_func=self.style.SUCCESS)
        if refused:
            raise CommandError(" ".join(refused))


def _check_writable(file: Path) -> None:
    # Said before the long work, not after it.
    folder = file.absolute().parent
    if file.is_dir() or not folder.is_dir():
        raise CommandError(f"{file} cannot be written: it is a folder, or its folder does not exist.")
    if not os.access(file if file.exists() else folder, os.W_OK):
        raise CommandError(f"{file} cannot be written: nobody gave the permission to.")


def _site_language() -> str:
    from django.conf import settings

    language = settings.LANGUAGE_CODE.split("-")[0]
    return language if language in LANGUAGES else LANGUAGES[0]
