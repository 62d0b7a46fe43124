"""Car fields that contradict the catalog or a photo."""

import io

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image

from ad_autocategorize import registry
from ad_autocategorize.models import CarIssue
from ad_autocategorize.moderation.car_checks import Catalog, find_car_issues, photo_contradictions
from ad_autocategorize.moderation.photo_reading import read_photos
from ad_autocategorize.photos.answers import CarAnswer, HeadAnswer, Option
from ad_autocategorize.photos.vocabularies import HEADS
from ad_autocategorize.sources import get_source
from marketplace.models import Ad, AdPhoto
from taxonomy.car_catalog import upsert_cars
from taxonomy.models import BodyType, Brand, CarModel
from taxonomy.readers.cars import read_cars

pytestmark = [pytest.mark.django_db, pytest.mark.database]

CARS = "brand,model,body_type,year\nBMW,320,Sedan,1990-2020\nAudi,A3,Hatchback,1996-2024\n"
LIST = "/admin/ad_autocategorize/carissue/"


@pytest.fixture
def cars(marketplace_tree):
    upsert_cars(read_cars(CARS))
    ads = list(Ad.objects.all()[:3])
    sedan, _ = BodyType.objects.get_or_create(name="Sedan")
    values = {"car_model": CarModel.objects.get(name="A3"), "body_type": sedan, "year": 1985}
    Ad.objects.filter(pk=ads[0].pk).update(brand=Brand.objects.get(name="BMW"), **values)
    Ad.objects.filter(pk=ads[1].pk).update(brand=Brand.objects.get(name="Audi"), **values)
    fine = {**values, "body_type": BodyType.objects.get(name="Hatchback"), "year": 1995}
    Ad.objects.filter(pk=ads[2].pk).update(brand=Brand.objects.get(name="Audi"), **fine)
    return ads


def test_the_catalog_knows_what_cannot_be(cars):
    assert find_car_issues(get_source(), timezone.now()) == 3
    found = set(CarIssue.objects.values_list("ad_id", "field", "stated", "expected"))
    assert found == {
        (str(cars[0].pk), "brand", "BMW", "Audi"),
        (str(cars[1].pk), "body_type", "Sedan", "Hatchback"),
        (str(cars[1].pk), "year", "1985", "1996-2024"),
    }


def test_the_number_of_queries_does_not_grow_with_the_ads(cars, django_assert_max_num_queries):
    with django_assert_max_num_queries(14):
        find_car_issues(get_source(), timezone.now())


def test_a_car_that_the_catalog_does_not_know_is_not_judged(cars):
    catalog = Catalog()
    assert not list(catalog.contradictions({"brand": "Tesla", "car_model": "3", "year": "1900"}))
    assert not list(catalog.contradictions({"brand": " audi ", "car_model": "a3", "year": "2025"}))


def test_a_photo_contradicts_when_it_is_sure():
    stated = {"brand": "Audi", "color": "Rojo", "year": "2010"}
    seen = {"brand": ("BMW", 0.97), "color": ("Azul", 0.6), "year": ("2013", 0.99), "body_type": ("Sedan", 0.99)}
    (found,) = photo_contradictions(stated, seen)
    assert (found.field, found.expected, found.evidence) == ("brand", "BMW", "photo")


def test_what_is_kept_is_not_asked_about_until_the_ad_changes(cars, admin_client):
    find_car_issues(get_source(), timezone.now(), read_photos=lambda ad: {"color": ("Rojo", 0.99)})
    issues = CarIssue.objects.filter(ad_id=str(cars[1].pk))
    html = admin_client.get(LIST).content.decode()
    assert "1996-2024" in html
    admin_client.post(LIST, {"action": "keep_selected", "_selected_action": [issue.pk for issue in issues]})
    assert find_car_issues(get_source(), timezone.now()) == 1
    assert "1996-2024" not in admin_client.get(LIST).content.decode()
    Ad.objects.filter(pk=cars[1].pk).update(year=1986)
    assert find_car_issues(get_source(), timezone.now()) == 3
    Ad.objects.filter(pk=cars[1].pk).update(year=2000)
    assert find_car_issues(get_source(), timezone.now()) == 2


def test_what_is_settled_is_logged_and_can_be_asked_about_again(cars, client, moderators, django_user_model):
    find_car_issues(get_source(), timezone.now())
    issue = CarIssue.objects.get(field="brand")
    client.force_login(moderators[0])
    client.get("/")
    assert "marca" in client.get(LIST, {"field": "brand"}).content.decode()
    assert "1996-2024" not in client.get(LIST, {"field": "brand"}).content.decode()
    client.post(LIST, {"action": "keep_selected", "_selected_action": [issue.pk]})
    issue.refresh_from_db()
    assert (issue.state, issue.decided_by) == ("kept", moderators[0])
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (moderators[0], issue.ad_id)
    assert "BMW" in entry.change_message
    client.force_login(moderators[1])
    client.post(f"{LIST}?state=kept", {"action": "reopen_selected", "_selected_action": [issue.pk]})
    issue.refresh_from_db()
    assert (issue.state, issue.decided_by, issue.decided_at) == ("open", None, None)
    assert LogEntry.objects.count() == 2

    looker = django_user_model.objects.create_user("looker", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename="view_carissue"))
    client.force_login(looker)
    assert client.get(LIST).status_code == 200
    client.post(LIST, {"action": "keep_selected", "_selected_action": [issue.pk]})
    issue.refresh_from_db()
    assert issue.state == "open"


def test_a_full_page_asks_the_database_no_more_than_a_short_one(cars, admin_client, django_assert_max_num_queries):
    Ad.objects.update(brand=Brand.objects.get(name="BMW"), car_model=CarModel.objects.get(name="A3"))
    assert find_car_issues(get_source(), timezone.now()) > 50
    admin_client.get(LIST)
    with django_assert_max_num_queries(9):
        admin_client.get(LIST)


class Predictor:
    """Answers as the network does for a red BMW, and counts the photos."""

    def predict(self, photos, *, limit):
        self.photos = len(photos)
        if not photos:
            return CarAnswer(False, {}, {}, (), 0)
        said = {"brand": ("BMW", 0.97), "model": (("BMW", "320"), 0.96), "color": ("Rojo", 0.99)}
        heads = {}
        for head in HEADS:
            value, probability = said.get(head, ("?", 0.1))
            heads[head] = HeadAnswer((Option(value, probability),), probability, probability > 0.5)
        return CarAnswer(True, heads, {}, (), len(photos))


def test_photos_are_asked_and_damaged_ones_say_nothing(cars, tmp_path, settings, monkeypatch):
    settings.MEDIA_ROOT = tmp_path
    assert read_photos(cars[0]).fields == {}
    predictor = Predictor()
    monkeypatch.setattr(registry, "active_predictor", lambda: predictor)
    AdPhoto.objects.create(ad=cars[0], image=ContentFile(b"no photo", name="a.jpg"))
    AdPhoto.objects.create(ad=cars[0], image="missing.jpg")
    assert read_photos(cars[0]).fields == {}
    jpeg = io.BytesIO()
    Image.new("RGB", (320, 240), "red").save(jpeg, "JPEG")
    AdPhoto.objects.create(ad=cars[0], image=ContentFile(jpeg.getvalue(), name="b.jpg"))
    seen = read_photos(cars[0]).fields
    assert predictor.photos == 1
    assert seen == {"brand": ("BMW", 0.97), "car_model": ("320", 0.96), "color": ("Rojo", 0.99)}
