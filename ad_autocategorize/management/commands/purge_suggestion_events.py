"""``manage.py purge_suggestion_events``"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.logs import log
from ad_autocategorize.management.arguments import days
from ad_autocategorize.models import CarFieldEvent, SuggestionEvent


class Command(BaseCommand):
    help = "Delete the events of suggestions that are older than EVENT_RETENTION_DAYS. Run it each night."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=days, help="Keep this many days instead of the setting's.")

    def handle(self, *args: Any, **options: Any) -> None:
        kept = plugin_settings.EVENT_RETENTION_DAYS if options["days"] is None else options["days"]
        began = time.monotonic()
        since = timezone.now() - timedelta(days=kept)
        categories, fields = (
            model._default_manager.filter(created_at__lt=since).delete()[0]
            for model in (SuggestionEvent, CarFieldEvent)
        )
        seconds = round(time.monotonic() - began, 1)
        message = "%s events of categories and %s of car fields deleted."
        counts = {"categories": categories, "fields": fields, "seconds": seconds}
        log(logging.INFO, "events_purged", message, categories, fields, **counts)
        deleted = f"Events deleted: {categories} of categories, {fields} of car fields"
        self.stdout.write(self.style.SUCCESS(f"{deleted}; those of the last {kept} days are kept."))
