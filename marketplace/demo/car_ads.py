"""Ads of cars with pictures drawn for them, and pictures for some other ads, so that the photo network has both to learn from."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any

from django.core.files.base import ContentFile
from django.db.models import Model

from marketplace.demo.car_pictures import draw_car, draw_other, make_cars
from marketplace.models import Ad, AdPhoto
from taxonomy.models import BodyType, Brand, CarModel, Color
from taxonomy.tree import CategoryTree

CARS_CATEGORY = ("Vehículos", "Autos y camionetas")
# As on real sites, sellers leave fields empty.
NO_COLOR, NO_YEAR, TWO_PHOTOS = 0.25, 0.1, 0.1
OTHERS_SHARE = 0.15
# Every third model of the catalog is on offer; the rest were never seen when the network is trained.
SOLD_MODELS = 3


def add_car_ads(sellers: list[int], count: int, *, until: datetime, seed: int) -> int:
    """Create ``count`` published ads of cars of the catalog, with photos, and give photos to some other ads."""
    rng = random.Random(seed)  # noqa: S311
    tree = CategoryTree.load()
    home = tree.find(CARS_CATEGORY)
    models = list(CarModel.objects.select_related("brand").prefetch_related("body_types"))
    rows = [
        (car.brand.name, car.name, body.name, car.first_year or 2000, car.last_year or 2024)
        for car in models[::SOLD_MODELS]
        for body in list(car.body_types.all())[:1]
    ]
    if home is None or not rows:
        return 0
    by_pair = {(car.brand.name, car.name): car for car in models}
    brands, bodies, colors = _by_name(Brand), _by_name(BodyType), _by_name(Color)
    for car, seller in zip(make_cars(rows, count, rng), cycle(sellers), strict=False):
        colored, dated = rng.random() >= NO_COLOR, rng.random() >= NO_YEAR
        words = [car.brand, car.model, str(car.year) if dated else "", car.color.lower() if colored else ""]
        ad = Ad.objects.create(
            seller_id=seller,
            title=" ".join(word for word in words if word),
            category_id=tree.find((*CARS_CATEGORY, car.brand)) or home,
            price=rng.randrange(3, 60) * 500_000,
            created_at=until - timedelta(minutes=rng.randrange(60 * 24 * 365)),
            status=Ad.Status.PUBLISHED,
            brand_id=brands[car.brand],
            car_model=by_pair[car.brand, car.model],
            body_type_id=bodies[car.body_type],
            color_id=colors[car.color] if colored else None,
            year=car.year if dated else None,
        )
        for _ in range(2 if rng.random() < TWO_PHOTOS else 1):
            _attach(ad, draw_car(car, rng))
    under_cars = {pk for pk in tree if tree.path_names(pk)[:2] == CARS_CATEGORY}
    for ad in Ad.objects.filter(photos=None).exclude(category__in=under_cars)[: int(count * OTHERS_SHARE)]:
        _attach(ad, draw_other(rng))
    return count


def add_impossible_cars(sellers: list[int], *, until: datetime) -> int:
    """Create ads without a photo that contradict the catalog, two each in brand, body type and year; return how many."""
    tree = CategoryTree.load()
    home = tree.find(CARS_CATEGORY)
    models = list(CarModel.objects.select_related("brand").prefetch_related("body_types").order_by("pk")[:6])
    if home is None or len(models) < 6:
        return 0
    brands, bodies = list(Brand.objects.all()), list(BodyType.objects.all())
    for number, (model, seller) in enumerate(zip(models, cycle(sellers), strict=False)):
        made = set(model.body_types.all())
        stated: dict[str, Any] = {"brand": model.brand, "body_type": next(iter(made), None), "year": model.last_year}
        stated |= (
            {"brand": next(brand for brand in brands if brand != model.brand)},
            {"body_type": next(body for body in bodies if body not in made)},
            {"year": (model.first_year or 2000) - 20},
        )[number % 3]
        Ad.objects.create(
            seller_id=seller,
            title=f"{stated['brand']} {model.name} {stated['year']}",
            category_id=tree.find((*CARS_CATEGORY, model.brand.name)) or home,
            price=(number + 4) * 1_500_000,
            created_at=until - timedelta(days=number),
            status=Ad.Status.PUBLISHED,
            car_model=model,
            **stated,
        )
    return len(models)


def _attach(ad: Ad, picture: bytes) -> None:
    AdPhoto.objects.create(ad=ad, image=ContentFile(picture, name=f"demo-{ad.pk}.jpg"))


def _by_name(model: type[Model]) -> dict[str, int]:
    return {row.name: row.pk for row in model._default_manager.all()}  # type: ignore[attr-defined]
