"""Ads of cars that contradict the catalog, and how tests look at them."""

from django.utils import timezone

from ad_autocategorize.models import CarIssue
from ad_autocategorize.moderation.search.car_issues import find_car_issues
from ad_autocategorize.sources import get_source
from marketplace.models import Ad
from taxonomy.car_catalog import upsert_cars
from taxonomy.models import BodyType, Brand, CarModel
from taxonomy.readers.cars import read_cars

CARS = "brand,model,body_type,year\nBMW,320,Sedan,1990-2020\nAudi,A3,Hatchback,1996-2024\n"


def state_cars(ads):
    """Make of three ads a BMW A3, which nobody makes, an Audi A3 of a body and year that it never had, and one that is right."""
    upsert_cars(read_cars(CARS))
    bmw, audi = Brand.objects.get(name="BMW"), Brand.objects.get(name="Audi")
    values = {
        "car_model": CarModel.objects.get(name="A3"),
        "body_type": BodyType.objects.get(name="Sedan"),
        "year": 1985,
    }
    fine = {**values, "body_type": BodyType.objects.get(name="Hatchback"), "year": 1995}
    for ad, stated in zip(
        ads, ({"brand": bmw, **values}, {"brand": audi, **values}, {"brand": audi, **fine}), strict=True
    ):
        Ad.objects.filter(pk=ad.pk).update(**stated)


def search(photos=None):
    """Look for contradictions; ``photos`` is what a photo shows, by ad and field."""
    read = (lambda ad: photos.get(ad.pk, {})) if photos else None
    return find_car_issues(get_source(), timezone.now(), read_photos=read)


def issue_of(ad, field):
    return CarIssue.objects.get(ad_id=str(ad.pk), field=field)


def car_of(ad):
    ad = Ad.objects.get(pk=ad.pk)
    return tuple(
        None if value is None else getattr(value, "name", value)
        for value in (ad.brand, ad.car_model, ad.body_type, ad.year)
    )
