"""The queue of car fields by keyboard alone, under a strict content security policy."""

import pytest
from django.utils import timezone

from ad_autocategorize.models import CarDecision, CarIssue
from ad_autocategorize.moderation.cars import presentation
from ad_autocategorize.moderation.search.car_issues import find_car_issues
from ad_autocategorize.sources import get_source
from marketplace.models import Ad
from taxonomy.car_catalog import upsert_cars
from taxonomy.models import Category
from taxonomy.readers.cars import read_cars
from tests.browser.test_review_queue import ERROR, TOAST, press, shown
from tests.moderation.cars import state_cars

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

REVIEW = "/admin/ad_autocategorize/carissue/review/"


@pytest.fixture
def car(site):
    """An Audi A3 of a body and a year that it never had."""
    seller, category = Ad.objects.first().seller, Category.objects.get(name="Autos")
    ads = [
        Ad.objects.create(title=title, category=category, seller=seller, status="published")
        for title in ("bmw a3", "audi a3", "audi en regla")
    ]
    state_cars(ads)
    find_car_issues(get_source(), timezone.now())
    return ads[1]


def question(page):
    """The ad, and the field that is in doubt."""
    return shown(page), page.inner_text(".review-field-name")


def test_a_moderator_works_through_the_queue_by_keyboard_alone(open_page, log_in, car):
    page = open_page()
    log_in(page, "eva")
    page.goto(REVIEW)
    assert question(page) == ("bmw a3", "marca")
    press(page, "s")
    assert question(page) == ("audi a3", "carrocería")
    press(page, "a", TOAST)
    car.refresh_from_db()
    assert car.body_type.name == "Hatchback"
    assert question(page) == ("audi a3", "año")
    press(page, "u", TOAST)
    car.refresh_from_db()
    assert car.body_type.name == "Sedan"
    assert question(page) == ("audi a3", "carrocería")
    press(page, "k", TOAST)

    assert question(page) == ("audi a3", "año")
    page.keyboard.press("o")
    assert page.evaluate("document.activeElement.id") == "id_value"
    # What is typed here is no decision.
    page.keyboard.type("2001")
    assert CarDecision.objects.count() == 3
    page.keyboard.press("Tab")
    press(page, "Enter", TOAST)
    car.refresh_from_db()
    assert car.year == 2001

    page.goto(REVIEW)
    page.keyboard.press("o")
    page.keyboard.type("BMW")
    page.keyboard.press("Tab")
    press(page, "Enter", TOAST)
    assert Ad.objects.get(title="bmw a3").car_model.name == "320"
    assert not CarIssue.objects.filter(state="open").exists()
    assert page.reports == []


@pytest.mark.parametrize("java_script", [True, False])
def test_of_a_long_catalog_another_brands_models_are_asked_for(open_page, log_in, car, monkeypatch, java_script):
    monkeypatch.setattr(presentation, "LISTED_AT_ONCE", 1)
    upsert_cars(read_cars("brand,model\nSeat,Ibiza\nSeat,León\n"))
    page = open_page(java_script_enabled=java_script)
    log_in(page, "eva")
    page.goto(f"{REVIEW}?field=brand")
    assert page.locator("#id_value option").all_inner_texts() == ["---------", "Audi A3", "BMW 320"]
    page.keyboard.press("b") if java_script else page.focus("#id_brand")
    page.keyboard.type("Seat")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    # Where what was asked for is chosen.
    assert page.evaluate("document.activeElement.id") == "id_value"
    page.keyboard.type("Seat L")
    page.keyboard.press("Tab")
    press(page, "Enter", TOAST if java_script else ".messagelist .success")
    assert Ad.objects.get(title="bmw a3").car_model.name == "León"
    assert page.reports == []


def test_enter_in_the_field_for_another_value_is_not_accepting(open_page, log_in, car):
    CarIssue.objects.all().delete()
    Ad.objects.filter(pk=car.pk).update(year=2000)
    find_car_issues(get_source(), timezone.now(), read_photos=lambda ad: {"year": ("2010", 0.99)} if ad == car else {})
    page = open_page()
    log_in(page, "eva")
    page.goto(f"{REVIEW}?field=year")
    page.keyboard.press("o")
    page.keyboard.type("1700")
    press(page, "Enter", ERROR)
    assert page.input_value("#id_value") == "1700"
    page.keyboard.press("o")
    page.keyboard.press("Control+a")
    page.keyboard.type("2005")
    press(page, "Enter", TOAST)
    car.refresh_from_db()
    assert car.year == 2005


def test_the_queue_works_without_javascript(open_page, log_in, car):
    page = open_page(java_script_enabled=False)
    log_in(page, "eva")
    page.goto(REVIEW)
    page.click("button[value=accept]")
    assert Ad.objects.get(title="bmw a3").brand.name == "Audi"


def test_the_page_fits_a_phone(open_page, log_in, car):
    page = open_page(viewport={"width": 360, "height": 740})
    log_in(page, "eva")
    page.goto(REVIEW)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
