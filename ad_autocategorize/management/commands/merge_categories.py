"""``manage.py merge_categories "Hogar > Sofás" "Hogar > Sillones" --moderator eva``"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ad_autocategorize.moderation.labels.review import ReviewConflict, Reviewer
from ad_autocategorize.moderation.tree.merging import MergeRefused, merge, plan_merge
from ad_autocategorize.sources import SourceError
from taxonomy.names import split_path
from taxonomy.tree import CategoryTree


class Command(BaseCommand):
    help = (
        "Move every ad of a category to another and take the emptied one out of use, however many ads there are. Run it for "
        "what the health page proposes and is too large for a page."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("category", help='The path of the one to be emptied: "Hogar > Sofás".')
        parser.add_argument("into", help="The path of the one that its ads go to.")
        parser.add_argument("--moderator", required=True, help="The user name that the decisions are recorded under.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would change and change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model()._default_manager
        moderator = users.filter(**{get_user_model().USERNAME_FIELD: options["moderator"]}).first()
        if moderator is None:
            raise CommandError(f"There is no user {options['moderator']!r}.")
        category, into = _find(options["category"]), _find(options["into"])
        try:
            plan = plan_merge(category, into, most=None)
            self.stdout.write(f"{plan.source_path} -> {plan.target_path}: {plan.ads} ads.")
            self.stdout.write(f"Classifiers that learn of it at the next training: {'; '.join(plan.classifiers)}.")
            if not options["dry_run"]:
                moved = merge(category, into, Reviewer(moderator), most=None)
                self.stdout.write(self.style.SUCCESS(f"Ads moved: {moved}. Retrain the classifiers."))
        except (MergeRefused, ReviewConflict, SourceError) as error:
            raise CommandError(str(error)) from error


def _find(path: str) -> int:
    key = CategoryTree.load(include_inactive=True).find(split_path(path))
    if key is None:
        raise CommandError(
            f'There is no category "{path}". Write its path as "Hogar > Sofás", and a sign > within a name as "\\>".'
        )
    return key
