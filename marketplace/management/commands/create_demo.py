"""``manage.py create_demo``"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser, Permission
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone

from marketplace.demo.filling import fill_site
from marketplace.demo.logins import MODERATOR, OPERATOR, PASSWORD, SELLER
from marketplace.demo.outline import read_outline
from marketplace.models import Ad
from taxonomy.bulk import CategoryRow, upsert_categories
from taxonomy.car_catalog import upsert_cars
from taxonomy.models import Color
from taxonomy.readers.cars import read_cars

CARS = Path(__file__).parents[2] / "demo" / "cars.csv"
COLORS = ("Blanco", "Negro", "Gris", "Plata", "Rojo", "Azul", "Verde", "Amarillo", "Bordó", "Beige")
APPS = ("marketplace", "ad_taxonomy", "ad_autocategorize")


class Command(BaseCommand):
    help = "Fill the site with a taxonomy, users and made-up ads. Running it again adds nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--ads", type=int, default=6000, help="How many ads (default 6000).")
        parser.add_argument(
            "--cars", type=int, default=900, help="How many ads of cars; 0 for no pictures (default 900)."
        )
        parser.add_argument("--seed", type=int, default=1, help="Equal seeds give equal ads (default 1).")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        branches = list(read_outline())
        summary = upsert_categories(CategoryRow(branch.path) for branch in branches)
        self._say(f"Categories: {summary}.")
        upsert_cars(read_cars(CARS.read_text(encoding="utf-8")))
        Color.objects.bulk_create([Color(name=name) for name in COLORS], ignore_conflicts=True)
        _create_logins()
        if Ad.objects.exists():
            self._say("There are ads already; none added.")
            return
        now = timezone.now().replace(minute=0, second=0, microsecond=0)
        fill_site(
            branches,
            options["ads"],
            options["cars"],
            until=now,
            seed=options["seed"],
            known=[SELLER],
            report=self._say,
        )

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _create_logins() -> None:
    """Create who can log in: a seller, a moderator, and an operator, who also sees the users."""
    _user(SELLER)
    _user(MODERATOR).user_permissions.set(Permission.objects.filter(content_type__app_label__in=APPS))
    _user(OPERATOR).user_permissions.set(Permission.objects.filter(content_type__app_label__in=(*APPS, "auth")))


def _user(name: str) -> AbstractUser:
    users = get_user_model()
    user, created = users.objects.get_or_create(username=name, defaults={"is_staff": name != SELLER})
    if created:
        user.set_password(PASSWORD)
        user.save()
    return user
