"""Car fields that contradict the catalog or a photo."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.utils import timezone

from ad_autocategorize.models import CarIssue
from ad_autocategorize.moderation.search.car_issues import Catalog, find_car_issues, photo_contradictions
from ad_autocategorize.sources import get_source
from marketplace.models import Ad
from taxonomy.models import Brand, CarModel
from tests.moderation.conftest import in_bulk

pytestmark = [pytest.mark.django_db, pytest.mark.database]

LIST = "/admin/ad_autocategorize/carissue/"


def test_the_catalog_knows_what_cannot_be(cars):
    assert find_car_issues(get_source(), timezone.now()) == 3
    found = set(CarIssue.objects.values_list("ad_id", "field", "stated", "expected"))
    assert found == {
        (str(cars[0].pk), "brand", "BMW", "Audi"),
        (str(cars[1].pk), "body_type", "Sedan", "Hatchback"),
        (str(cars[1].pk), "year", "1985", "1996-2024"),
    }


def test_the_number_of_queries_does_not_grow_with_the_ads(cars, django_assert_max_num_queries):
    with django_assert_max_num_queries(17):
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
    in_bulk(admin_client, LIST, "keep_selected", issues)
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
    in_bulk(client, LIST, "keep_selected", [issue])
    issue.refresh_from_db()
    assert (issue.state, issue.decided_by) == ("kept", moderators[0])
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (moderators[0], issue.ad_id)
    assert "BMW" in entry.change_message
    client.force_login(moderators[1])
    in_bulk(client, f"{LIST}?state=kept", "reopen_selected", [issue])
    issue.refresh_from_db()
    assert (issue.state, issue.decided_by, issue.decided_at) == ("open", None, None)
    assert LogEntry.objects.count() == 2

    looker = django_user_model.objects.create_user("looker", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename="view_carissue"))
    client.force_login(looker)
    assert client.get(LIST).status_code == 200
    in_bulk(client, LIST, "keep_selected", [issue])
    issue.refresh_from_db()
    assert issue.state == "open"


def test_a_full_page_asks_the_database_no_more_than_a_short_one(cars, admin_client, django_assert_max_num_queries):
    Ad.objects.update(brand=Brand.objects.get(name="BMW"), car_model=CarModel.objects.get(name="A3"))
    assert find_car_issues(get_source(), timezone.now()) > 50
    admin_client.get(LIST)
    with django_assert_max_num_queries(9):
        admin_client.get(LIST)
