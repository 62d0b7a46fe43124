"""How long the feedback page, the review of car fields and bulk actions take where there is much of everything.

    python -m benchmarks.moderation_load [--events 100000] [--models 5000] [--bulk 1000] [--postgresql]

Fills a throw-away marketplace, on SQLite or on the PostgreSQL server of the PG* variables, then sends requests through Django's
test client (the whole request but the network) and counts their queries. A bulk action is timed once: the answer to its question.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

from benchmarks.review_queue import HEADER, fill, time_page

DATABASE = "benchmark_moderation"
BRANDS = 100
BODIES = ("Sedan", "Hatchback", "Pickup", "SUV", "Coupé")
ADS = 20_000
VERSIONS, DAYS, TOLD_BY_API = 40, 200, 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--models", type=int, default=5_000)
    parser.add_argument("--bulk", type=int, default=1_000)
    parser.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    database = own_database() if options.postgresql else nullcontext()
    with tempfile.TemporaryDirectory() as folder, database:
        os.environ |= {"MARKETPLACE_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "benchmarks.moderation_settings"}
        import django
        from django.db import connection

        django.setup()
        fill(ADS)
        add_events(options.events)
        add_cars(options.models, options.bulk)
        print(f"{connection.vendor}: {options.events} events, {options.models} car models", flush=True)
        measure(options.bulk)
        connection.close()


@contextmanager
def own_database() -> Iterator[None]:
    """Create a database for the benchmark, and drop it afterwards."""
    import psycopg

    server = psycopg.connect(
        host=os.environ.get("PGHOST", "127.0.0.1"),
        user=os.environ.get("PGUSER", "postgres"),
        dbname="postgres",
        autocommit=True,
    )
    server.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
    server.execute(f"CREATE DATABASE {DATABASE}")
    os.environ["BENCHMARK_DATABASE"] = DATABASE
    try:
        yield
    finally:
        server.execute(f"DROP DATABASE {DATABASE}")
        server.close()


def add_events(count: int) -> None:
    """Record what sellers made of suggestions, over the better part of a year."""
    from django.utils import timezone

    from ad_autocategorize.models import SuggestionEvent
    from marketplace.models import Ad

    rng, now = random.Random(0), timezone.now()
    ads = list(Ad.objects.values_list("pk", "category_id"))
    handling = SuggestionEvent.Handling
    rows = []
    for number in range(count):
        (ad, category), rank = rng.choice(ads), rng.choice([1, 1, 1, 2, 3, 4, None])
        told = rng.random() < TOLD_BY_API
        rows.append(
            SuggestionEvent(
                model_version=f"titles-{number * VERSIONS // count:02}",
                ad_id=str(ad),
                category_id=None if told else category,
                shown=4,
                rank=rank,
                outcome=SuggestionEvent.outcome_of(rank),
                taken_rank=rng.choice([rank, None]),
                handling=handling.UNKNOWN if told else rng.choice([handling.TAKEN, handling.CHANGED, handling.IGNORED]),
                from_form=not told,
                created_at=now - timedelta(days=DAYS * (1 - number / count)),
            )
        )
    # ``auto_now_add`` would date them all today.
    field = SuggestionEvent._meta.get_field("created_at")
    field.auto_now_add = False
    SuggestionEvent.objects.bulk_create(rows, batch_size=5_000)
    field.auto_now_add = True


def add_cars(models: int, ads: int) -> None:
    """Fill the car catalog, and contradict it in one field of each of the ads: brand, body type or year in turn."""
    from django.utils import timezone

    from ad_autocategorize.moderation.search.car_issues import find_car_issues
    from ad_autocategorize.sources import get_source
    from marketplace.models import Ad
    from taxonomy.car_catalog import upsert_cars
    from taxonomy.models import BodyType, Brand, CarModel
    from taxonomy.readers.cars import read_cars

    rows = (f"Make {n % BRANDS:02},Model {n:04},{BODIES[n % len(BODIES)]},2001-2001" for n in range(models))
    upsert_cars(read_cars("\n".join(["brand,model,body_type,year", *rows])))
    bodies, brands = list(BodyType.objects.all()), list(Brand.objects.all())
    cars = list(
        CarModel.objects.filter(name__startswith="Model ").select_related("brand").prefetch_related("body_types")
    )
    seller, category = Ad.objects.values_list("seller_id", "category_id").first() or (0, 0)
    made = []
    for number in range(ads):
        car = cars[number * 7 % len(cars)]
        own = car.body_types.all()[0]
        stated = {"brand": car.brand, "body_type": own, "year": 2001}
        wrong = (
            {"brand": next(brand for brand in brands if brand != car.brand)},
            {"body_type": next(body for body in bodies if body != own)},
            {"year": 1980},
        )[number % 3]
        made.append(
            Ad(
                title=f"{car.brand} {car.name}", seller_id=seller, category_id=category, status="published", car_model=car,
                **{**stated, **wrong},
            )
        )  # fmt: skip
    Ad.objects.bulk_create(made, batch_size=500)
    find_car_issues(get_source(), timezone.now())


def measure(bulk: int) -> None:
    """Time the pages, then the bulk actions."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    from ad_autocategorize.models import CarIssue, LabelIssue

    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(get_user_model().objects.get(username="moderador"))
    print(HEADER)
    time_page(client, "feedback", "/admin/ad_autocategorize/suggestionevent/feedback/")
    for field in ("brand", "body_type", "year"):
        time_page(client, f"review of a car's {field}", f"/admin/ad_autocategorize/carissue/review/?field={field}")
    for model in (CarIssue, LabelIssue):
        certain = model.objects.exclude(suggested={}) if model is CarIssue else model.objects.all()
        time_bulk(client, model._meta.model_name, "accept_selected", list(certain.filter(state="open")[:bulk]))


def time_bulk(client: object, name: str, action: str, issues: list) -> None:
    """Time the answer to the question that a bulk action asks."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    address = f"/admin/ad_autocategorize/{name}/"
    seen = ",".join(f"{issue.pk}:{issue.version}" for issue in issues)
    data = {"action": action, "_selected_action": issues[0].pk, "select_across": "1", "confirmed": "1", "seen": seen}
    # The first few warm up what is read once, and tell how many queries a row costs.
    few = {**data, "seen": ",".join(seen.split(",")[:10])}
    with CaptureQueriesContext(connection) as queries:
        client.post(address, few)
    count = len(queries)
    data["seen"] = ",".join(seen.split(",")[10:])
    start = time.perf_counter()
    response = client.post(address, data)
    seconds = time.perf_counter() - start
    assert response.status_code == 302, response.content
    left = type(issues[0]).objects.filter(pk__in=[issue.pk for issue in issues], state="open").count()
    ms = seconds * 1000
    print(f"| {action} of {len(issues) - 10} x {name}, {left} left | {ms:.0f} | | {count} for 10 |", flush=True)


if __name__ == "__main__":
    main()
