"""Ads of cars of the catalog, as they are in the pictures that are drawn for them, and some that contradict it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Model

from marketplace.demo.car_pictures import DrawnCar, make_cars
from marketplace.demo.generator import DAYS, describe, dress_title, make_price
from marketplace.demo.outline import Prices
from marketplace.models import Ad
from taxonomy.models import BodyType, Brand, CarModel, Color
from taxonomy.tree import CategoryTree

CARS_CATEGORY = ("Vehículos", "Autos y camionetas")
# As on real sites, sellers leave fields empty.
NO_COLOR, NO_YEAR, TWO_PHOTOS = 0.25, 0.1, 0.15
# Nobody sells every sixth model of the catalog: these were never seen when the network is trained.
NOT_SOLD = 6
_SPOKEN = {"Volkswagen": ("vw", "volkswagen"), "Chevrolet": ("chevrolet", "chevy"), "Citroën": ("citroen",)}
_TRIMS = ("1.6", "full", "gnc", "nafta", "5 puertas", "con aire", "base", "diesel", "1.4", "unica mano")
# Thousands of pesos for a car of this year and of one this many years older.
_NEWEST, _NEW_PRICE, _OLD_PRICE, _OLD_AGE = 2025, 36_000, 2_500, 30


@dataclass(frozen=True, slots=True)
class CarAd:
    """An ad that is not saved yet, and the car that its pictures show."""

    ad: Ad
    path: tuple[str, ...]
    drawn: DrawnCar
    pictures: int


def sold_models() -> list[CarModel]:
    """Return the models of the catalog that somebody sells."""
    models = CarModel.objects.select_related("brand").prefetch_related("body_types").order_by("pk")
    return [model for number, model in enumerate(models, 1) if number % NOT_SOLD]


def make_car_ads(count: int, *, until: datetime, seed: int) -> list[CarAd]:
    """Return ``count`` published ads of cars of the catalog, without sellers; none where catalog or category are empty."""
    rng = random.Random(seed)  # noqa: S311
    tree, models = CategoryTree.load(), sold_models()
    home = tree.find(CARS_CATEGORY)
    by_pair = {(car.brand.name, car.name): car for car in models}
    rows = [
        (car.brand.name, car.name, body.name, car.first_year or 2000, car.last_year or 2024)
        for car in models
        for body in list(car.body_types.all())[:1]
    ]
    if home is None or not rows:
        return []
    brands, bodies, colors = _by_name(Brand), _by_name(BodyType), _by_name(Color)
    ads = []
    for car in make_cars(rows, count, rng):
        colored, dated = rng.random() >= NO_COLOR, rng.random() >= NO_YEAR
        path = (*CARS_CATEGORY, car.brand)
        ad = Ad(
            title=_title(car, path, rng, dated=dated, colored=colored),
            description=describe(path, rng),
            category_id=tree.find(path) or home,
            price=_price(car.year, rng),
            created_at=until - timedelta(minutes=rng.randrange(DAYS * 24 * 60)),
            status=Ad.Status.PUBLISHED,
            brand_id=brands[car.brand],
            car_model=by_pair[car.brand, car.model],
            body_type_id=bodies[car.body_type],
            color_id=colors[car.color] if colored else None,
            year=car.year if dated else None,
        )
        ads.append(CarAd(ad, path, car, 2 if rng.random() < TWO_PHOTOS else 1))
    return ads


def make_impossible_cars(*, until: datetime) -> list[Ad]:
    """Return ads without a photo or a seller that contradict the catalog, two each in brand, body type and year."""
    tree = CategoryTree.load()
    home = tree.find(CARS_CATEGORY)
    models = list(CarModel.objects.select_related("brand").prefetch_related("body_types").order_by("pk")[:6])
    if home is None or len(models) < 6:
        return []
    brands, bodies = list(Brand.objects.all()), list(BodyType.objects.all())
    ads = []
    for number, model in enumerate(models):
        made = set(model.body_types.all())
        stated: dict[str, Any] = {"brand": model.brand, "body_type": next(iter(made), None), "year": model.last_year}
        stated |= (
            {"brand": next(brand for brand in brands if brand != model.brand)},
            {"body_type": next(body for body in bodies if body not in made)},
            {"year": (model.first_year or 2000) - 20},
        )[number % 3]
        ads.append(
            Ad(
                title=f"{stated['brand']} {model.name} {stated['year']}",
                category_id=tree.find((*CARS_CATEGORY, model.brand.name)) or home,
                price=(number + 4) * 1_500_000,
                created_at=until - timedelta(days=3 + number),
                status=Ad.Status.PUBLISHED,
                car_model=model,
                **stated,
            )
        )
    return ads


def _title(car: DrawnCar, path: Sequence[str], rng: random.Random, *, dated: bool, colored: bool) -> str:
    brand = rng.choice(_SPOKEN.get(car.brand, (car.brand.lower(),)))
    words = [brand, car.model.lower()]
    if rng.random() < 0.4:
        words.append(rng.choice(_TRIMS))
    if dated:
        words.append(str(car.year))
    if colored and rng.random() < 0.3:
        words.append(car.color.lower())
    return dress_title(" ".join(words), tuple(path), rng)


def _price(year: int, rng: random.Random) -> Decimal | None:
    share = min(1.0, (_NEWEST - year) / _OLD_AGE)
    usual = _NEW_PRICE * (_OLD_PRICE / _NEW_PRICE) ** share * 1000
    return make_price(Prices(int(usual * 0.8), int(usual * 1.25), dollars=False), rng)


def _by_name(model: type[Model]) -> dict[str, int]:
    return {row.name: row.pk for row in model._default_manager.all()}  # type: ignore[attr-defined]
