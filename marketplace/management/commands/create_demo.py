"""``manage.py create_demo``"""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser, Permission
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone

from marketplace.demo.car_ads import add_car_ads, add_impossible_cars
from marketplace.demo.generator import generate_ads
from marketplace.demo.outline import read_outline
from marketplace.models import Ad
from taxonomy.bulk import CategoryRow, upsert_categories
from taxonomy.car_catalog import upsert_cars
from taxonomy.models import Color
from taxonomy.readers.cars import read_cars
from taxonomy.tree import CategoryTree

PASSWORD = "demo"  # noqa: S105 - printed for visitors of the demo
CARS = Path(__file__).parents[2] / "demo" / "cars.csv"
COLORS = ("Blanco", "Negro", "Gris", "Plata", "Rojo", "Azul", "Verde", "Amarillo", "Bordó", "Beige")


class Command(BaseCommand):
    help = "Fill the site with a taxonomy, users and made-up ads. Running it again adds nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--ads", type=int, default=8000, help="How many ads (default 8000).")
        parser.add_argument("--cars", type=int, default=900, help="How many ads of cars with a picture (default 900).")
        parser.add_argument("--seed", type=int, default=1, help="Equal seeds give equal ads (default 1).")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        branches = list(read_outline())
        summary = upsert_categories(CategoryRow(branch.path) for branch in branches)
        self.stdout.write(f"Categories: {summary}.")
        upsert_cars(read_cars(CARS.read_text(encoding="utf-8")))
        Color.objects.bulk_create([Color(name=name) for name in COLORS], ignore_conflicts=True)
        sellers = [_user(name) for name in ("vendedora", "vendedor2", "vendedor3")]
        _moderator()
        if Ad.objects.exists():
            self.stdout.write("There are ads already; none added.")
            return
        tree = CategoryTree.load()
        now = timezone.now().replace(minute=0, second=0, microsecond=0)
        ads = [
            Ad(
                seller_id=seller.pk,
                title=ad.title,
                category_id=tree.find(ad.path) or 0,
                price=ad.price,
                created_at=ad.created_at,
                status=Ad.Status.PUBLISHED,
                description="",
            )
            for ad, seller in zip(
                generate_ads(branches, options["ads"], until=now, seed=options["seed"]), cycle(sellers), strict=False
            )
        ]
        Ad.objects.bulk_create(ads, batch_size=500)
        cars = add_car_ads([seller.pk for seller in sellers], options["cars"], until=now, seed=options["seed"])
        wrong = add_impossible_cars([seller.pk for seller in sellers], until=now) if options["cars"] else 0
        self.stdout.write(
            f"Ads: {len(ads)} published, {cars} of cars with a picture, and {wrong} of cars that cannot be."
        )


def _user(name: str, *, staff: bool = False) -> AbstractUser:
    user, created = get_user_model().objects.get_or_create(username=name, defaults={"is_staff": staff})
    if created:
        user.set_password(PASSWORD)
        user.save()
    return user


def _moderator() -> None:
    moderator = _user("moderador", staff=True)
    apps = ("marketplace", "ad_taxonomy", "ad_autocategorize")
    moderator.user_permissions.set(Permission.objects.filter(content_type__app_label__in=apps))
