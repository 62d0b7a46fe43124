"""From an empty site to one with sellers, ads and pictures."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile

from marketplace.demo.car_ads import CARS_CATEGORY, CarAd, make_car_ads, make_impossible_cars
from marketplace.demo.car_pictures import draw_car
from marketplace.demo.generator import DemoAd, generate_ads
from marketplace.demo.outline import Branch
from marketplace.demo.sellers import choose_sellers
from marketplace.demo.thing_pictures import draw_thing, thing_of
from marketplace.models import Ad, AdPhoto
from taxonomy.tree import CategoryTree

# Of the ads of things that are newer and older than a year: pages begin with the newest.
PICTURED_NEW, PICTURED_OLD = 0.95, 0.1
NEW = timedelta(days=365)
BATCH = 500

Report = Callable[[str], None]


def fill_site(
    branches: Sequence[Branch],
    count: int,
    cars: int,
    *,
    until: datetime,
    seed: int,
    known: Sequence[str],
    report: Report,
) -> None:
    """Create ``count`` published ads of the outline's categories and ``cars`` ads of cars, their sellers and pictures.

    Equal arguments give an equal site. ``known`` are user names that exist and sell a handful, too; ``report`` is told what
    has been done.
    """
    rng = random.Random(seed)  # noqa: S311
    tree = CategoryTree.load()
    described = list(generate_ads(branches, count, until=until, seed=seed))
    car_ads = make_car_ads(cars, until=until, seed=seed)
    wrong = make_impossible_cars(until=until) if cars else []
    ads = [
        *(_ad(described_ad, tree) for described_ad in described),
        *(car_ad.ad for car_ad in car_ads),
        *wrong,
    ]
    paths = [*(ad.path for ad in described), *(ad.path for ad in car_ads), *(CARS_CATEGORY for _ in wrong)]
    names = choose_sellers(paths, known, rng)
    sellers = _create_sellers(names)
    for ad, name in zip(ads, names, strict=True):
        ad.seller_id = sellers[name]
    Ad.objects.bulk_create(ads, batch_size=BATCH)
    report(f"{len(described)} ads of {len(branches)} categories and {len(car_ads)} of cars, of {len(sellers)} sellers.")
    if wrong:
        report(f"{len(wrong)} ads of cars that cannot be, for the moderators.")
    if cars:
        _add_pictures(_pictures(described, ads, car_ads, until, rng), report)


def _ad(described: DemoAd, tree: CategoryTree) -> Ad:
    return Ad(
        title=described.title,
        description=described.description,
        category_id=tree.find(described.path) or 0,
        price=described.price,
        currency=Ad.Currency.USD if described.dollars else Ad.Currency.ARS,
        created_at=described.created_at,
        status=Ad.Status.PUBLISHED,
    )


def _create_sellers(names: Iterable[str]) -> dict[str, int]:
    """Return the users of these names; who is new cannot log in."""
    users = get_user_model()
    known = set(users.objects.values_list("username", flat=True))
    new = sorted(set(names) - known)
    users.objects.bulk_create([users(username=name, password=make_password(None)) for name in new], batch_size=BATCH)
    return dict(users.objects.filter(username__in=set(names)).values_list("username", "pk"))


def _pictures(
    described: Sequence[DemoAd], ads: Sequence[Ad], car_ads: Sequence[CarAd], until: datetime, rng: random.Random
) -> Iterator[tuple[Ad, bytes]]:
    """Yield the ads that have pictures with one picture each, drawn when it is asked for."""
    for car_ad in car_ads:
        for _ in range(car_ad.pictures):
            yield car_ad.ad, draw_car(car_ad.drawn, rng)
    for demo_ad, ad in zip(described, ads, strict=False):
        share = PICTURED_NEW if until - demo_ad.created_at < NEW else PICTURED_OLD
        # What the seller has, wherever it is filed: an ad in the wrong category shows the right thing.
        thing = thing_of(demo_ad.right_path) if rng.random() < share else None
        if thing is not None:
            yield ad, draw_thing(thing, rng)


def _add_pictures(pictures: Iterator[tuple[Ad, bytes]], report: Report) -> None:
    photos: list[AdPhoto] = []
    count = 0
    for ad, picture in pictures:
        photos.append(AdPhoto(ad=ad, image=ContentFile(picture, name=f"demo-{ad.pk}.jpg")))
        count += 1
        if len(photos) == BATCH:
            AdPhoto.objects.bulk_create(photos)
            photos.clear()
            report(f"{count} pictures drawn.")
    AdPhoto.objects.bulk_create(photos)
    report(f"{count} pictures drawn.")
