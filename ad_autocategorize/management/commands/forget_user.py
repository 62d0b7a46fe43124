"""``manage.py forget_user USERNAME``"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ad_autocategorize import model_storage, registry
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.moderation.forgetting import forget
from ad_autocategorize.private_copies import discard_versions
from ad_autocategorize.versions import TrainingBusy, training_lock


class Command(BaseCommand):
    help = (
        "Take away what the plugin holds of a user: review items, names in decisions, events, the admin's log, and title models "
        "that are out of service. Deleting the account does the same, but for the models."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        model = get_user_model()
        try:
            user = model._default_manager.get_by_natural_key(options["username"])
        except model.DoesNotExist as error:
            raise CommandError(f"There is no user {options['username']!r}.") from error
        found = forget(user)
        self.stdout.write(
            f"Review items deleted: {found.review_items}; decisions without the name: {found.decisions}; events without the ad: "
            f"{found.events}; entries of the admin's log: {found.log_entries}."
        )
        try:
            self.stdout.write(f"Title models deleted that were out of service: {_delete_retired()}.")
        except (TrainingBusy, LookupError, OSError) as error:
            raise CommandError(f"The models out of service are still there: {error}") from error
        self.stdout.write(
            "Their ads are the site's own, and stay. The model in service forgets at the next retrain_classifiers."
        )


def _delete_retired() -> int:
    with training_lock(plugin_settings.model_dir, ModelVersion.Kind.TITLES):
        retired = list(ModelVersion.objects.filter(kind=ModelVersion.Kind.TITLES, is_active=False))
        for version in retired:
            # The row stays until the files are gone: the command can be run again.
            model_storage.remove(version.name)
            version.delete()
        discard_versions({version.name for version in retired})
    registry.expire()
    return len(retired)
