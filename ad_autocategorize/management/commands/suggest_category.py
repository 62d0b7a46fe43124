"""``manage.py suggest_category "texto"``"""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from ad_autocategorize.categories.services import suggest_categories
from ad_autocategorize.sources import SourceError, using_source
from ad_autocategorize.sources.registered import current_source_name


class Command(BaseCommand):
    help = (
        "Print the categories that the form would suggest for a title. Run it to try a model, or to see whether one is in "
        "service."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("title")
        parser.add_argument("--limit", type=int, choices=range(1, 11), metavar="1..10", help="How many, at most.")
        parser.add_argument("--source", help="The name of one of several sources; the first one by default.")
        parser.add_argument("--language", help="The language of the title; the site's by default.")
        parser.add_argument("--json", action="store_true", help="Print JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            language = translation.override(options["language"]) if options["language"] else nullcontext()
            with using_source(options["source"] or current_source_name()), language:
                answer = suggest_categories(options["title"], limit=options["limit"])
        except SourceError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(answer), ensure_ascii=False))
        elif answer.model_version is None:
            raise CommandError("No model is in service. Train one: manage.py retrain_classifiers")
        elif not answer.suggestions:
            self.stdout.write("No suggestion: nothing of this title was seen in training.")
        for suggestion in () if options["json"] else answer.suggestions:
            self.stdout.write(f"{suggestion.probability:7.1%}  {suggestion.path_text}")
