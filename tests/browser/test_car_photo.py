import io
import json

import numpy as np
import pytest

from ad_autocategorize.models import CarFieldEvent
from marketplace.models import Ad
from taxonomy.models import BodyType, Brand, CarModel, Category, Color
from tests.moderation.conftest import photo_network, served_network  # noqa: F401 - fixtures
from tests.photos.toys import BODIES, COLORS, MODELS, draw

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def car_site(site, served_network):  # noqa: F811
    """A marketplace with the toy cars in its catalog, and a photo network that has learned them."""
    for brand, model in MODELS:
        row, _ = Brand.objects.get_or_create(name=brand)
        CarModel.objects.create(brand=row, name=model)
    for name in set(BODIES.values()):
        BodyType.objects.create(name=name)
    for name in COLORS:
        Color.objects.create(name=name)
    return site


def png(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def photo(pair=("Ajax", "Two"), color="red", year=2010):
    content = png(draw(pair, color, year, np.random.default_rng(7)))
    return {"name": "car.png", "mimeType": "image/png", "buffer": content}


def chosen(page, name):
    return page.locator(f"#id_{name} option:checked").inner_text()


def test_a_photo_fills_the_car_and_every_field_can_be_undone(car_site, open_page, log_in):
    page = open_page(viewport={"width": 390, "height": 844})
    log_in(page, "ana")
    page.goto("/ads/new/")
    page.set_input_files("#id_photos", photo())
    page.wait_for_selector("[data-field=brand]")
    assert chosen(page, "brand") == "Ajax"
    assert "Two" in chosen(page, "car_model")
    assert chosen(page, "body_type") == "Van"
    assert "%" in page.inner_text("[data-field=brand]")
    assert page.get_attribute("#id_brand", "aria-describedby") == page.get_attribute("[data-field=brand]", "id")
    # Only the models of the brand are left to choose from.
    assert page.locator("#id_car_model option").count() == 3
    page.click("[data-field=body_type] button")
    assert page.input_value("#id_body_type") == ""
    assert page.locator("[data-field=body_type]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.reports == []


def test_what_the_seller_chose_is_never_overwritten_and_a_corrected_brand_ranks_its_models(car_site, open_page, log_in):
    page = open_page()
    log_in(page, "ana")
    page.goto("/ads/new/")
    write_ad(page)
    page.select_option("#id_color", label="blue")
    page.fill("#id_year", "1999")
    page.set_input_files("#id_photos", photo())
    page.wait_for_selector("[data-field=brand]")
    assert chosen(page, "color") == "blue"
    assert page.input_value("#id_year") == "1999"
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.select_option("#id_brand", label="Bolt")
    assert page.locator("#id_car_model option").count() == 2
    assert page.input_value("#id_car_model") == ""
    assert page.locator("[data-field=brand]").count() == 0
    assert asked == []
    # Another photo leaves the corrected brand alone.
    with page.expect_response("**/suggestions/car/"):
        page.set_input_files("#id_photos", photo(("Ajax", "One"), "blue", 2000))
    page.wait_for_timeout(300)
    assert chosen(page, "brand") == "Bolt"
    assert page.input_value("#id_car_model") == ""
    assert page.reports == []


def test_the_models_of_a_corrected_brand_are_in_the_order_of_the_answer_given(car_site, open_page, log_in):
    page = open_page()
    log_in(page, "ana")
    # Never photographed: offered last, after those that the photo says something of.
    CarModel.objects.create(brand=Brand.objects.get(name="Ajax"), name="Aaa")
    page.goto("/ads/new/")
    with page.expect_response("**/suggestions/car/") as answered:
        page.set_input_files("#id_photos", photo(("Bolt", "One")))
    page.wait_for_selector("[data-field=brand]")
    assert chosen(page, "brand") == "Bolt"
    page.select_option("#id_brand", label="Ajax")
    ranked = answered.value.json()["models_by_brand"][page.input_value("#id_brand")]
    offered = page.locator("#id_car_model option").evaluate_all("options => options.map((option) => option.value)")
    assert offered == ["", *(option["value"] for option in ranked)]
    assert [option["label"] for option in ranked][-1] == "Aaa"
    assert ranked[0]["probability"] >= ranked[1]["probability"] > 0 == ranked[2]["probability"]


def test_a_photo_of_something_else_and_a_failing_server_leave_a_usable_form(car_site, open_page, log_in):
    page = open_page()
    log_in(page, "ana")
    page.goto("/ads/new/")
    page.set_input_files("#id_photos", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no photo at all"})
    page.locator(".aac-car-status", has_text="JPEG").wait_for()
    page.route("**/suggestions/car/", lambda route: route.abort())
    page.set_input_files("#id_photos", photo())
    page.locator(".aac-car-status", has_text="complet").wait_for()
    assert page.input_value("#id_brand") == ""


def test_without_javascript_a_button_fills_the_fields(car_site, open_page, log_in):
    page = open_page(java_script_enabled=False)
    log_in(page, "ana")
    page.goto("/ads/new/")
    page.fill("#id_title", "mi auto")
    page.set_input_files("#id_photos", photo())
    page.click("button[name=read_car_photo]")
    assert page.input_value("#id_title") == "mi auto"
    assert page.locator("#id_brand option[selected]").inner_text() == "Ajax"
    # Each answer with its confidence, as the script would mark the fields.
    assert "Ajax" in page.locator(".aac-car-found li").first.inner_text()
    assert "%" in page.locator(".aac-car-found li").first.inner_text()
    assert json.dumps(page.reports) == "[]"


def write_ad(page):
    page.fill("#id_title", "mi auto")
    page.select_option("#id_category", str(Category.objects.get(name="Autos").pk))
    page.fill("#id_price", "10")


def send(page, then="text=espera"):
    page.click("form.stacked > button.button")
    page.wait_for_selector(then)


def read(page, *args):
    with page.expect_response("**/suggestions/car/"):
        page.set_input_files("#id_photos", [photo(*args)])
    # The answer is in the form once the progress bar has gone.
    page.locator(".aac-car-progress").wait_for(state="hidden")


def recorded(ad):
    rows = CarFieldEvent.objects.filter(ad_id=str(ad.pk)).order_by("pk")
    return {row.field: (row.handling, row.outcome, row.rank) for row in rows}


def test_what_became_of_each_field_is_recorded_as_the_ad_is_saved(car_site, open_page, log_in):
    page = open_page()
    log_in(page, "ana")
    page.goto("/ads/new/")
    write_ad(page)
    page.fill("#id_year", "1999")
    read(page, ("Ajax", "Two"), "red")
    page.click("[data-field=body_type] button")
    page.select_option("#id_color", label="blue")
    assert not CarFieldEvent.objects.exists()
    send(page)
    ad = Ad.objects.get(title="mi auto")
    found = recorded(ad)
    assert found.pop("color")[0] == "changed"
    year = found.pop("year")
    assert (year[0], year[1]) == ("stated", "overruled")
    assert found == {
        "brand": ("kept", "accepted", 1),
        "car_model": ("kept", "accepted", 1),
        "body_type": ("changed", "empty", None),
    }
    # The same ad again, whose fields hold what the photo had filled in: that is no confirmation.
    page.goto(f"/ads/{ad.pk}/edit/")
    CarFieldEvent.objects.all().delete()
    read(page, ("Ajax", "Two"), "red")
    send(page)
    found = recorded(ad)
    assert found["brand"] == found["car_model"] == ("held", "accepted", 1)
    assert found["body_type"] == ("kept", "accepted", 1)
    assert found["color"][0] == "held"
    assert page.reports == []


def test_the_last_photo_counts_and_what_was_corrected_stays_so_in_a_form_that_is_sent_back_too(
    car_site, open_page, log_in
):
    page = open_page()
    log_in(page, "ana")
    page.goto("/ads/new/")
    write_ad(page)
    read(page, ("Ajax", "Two"), "red")
    page.select_option("#id_body_type", label="Sedan")
    page.evaluate("document.querySelector('#id_year').value = '2999'")
    send(page, ".errorlist")
    page.fill("#id_year", "")
    assert chosen(page, "brand") == "Ajax"
    assert page.locator("[data-field=brand]").count() == 0
    # Shows another car, a sedan too.
    read(page, ("Bolt", "One"), "blue")
    assert (chosen(page, "brand"), chosen(page, "color")) == ("Bolt", "blue")
    page.wait_for_selector("[data-field=brand]")
    send(page)
    found = recorded(Ad.objects.get(title="mi auto"))
    assert found["brand"] == found["car_model"] == found["color"] == ("kept", "accepted", 1)
    assert found["body_type"][0] == "changed"
    assert page.reports == []


def test_without_javascript_what_became_of_each_field_is_recorded_too(car_site, open_page, log_in):
    page = open_page(java_script_enabled=False)
    log_in(page, "ana")
    page.goto("/ads/new/")
    write_ad(page)
    page.select_option("#id_color", label="blue")
    page.set_input_files("#id_photos", photo())
    page.click("button[name=read_car_photo]")
    # What the ad says stays, and is told from what the photo says.
    assert page.locator("#id_color option[selected]").inner_text() == "blue"
    assert "blue" in page.locator(".aac-car-found li", has_text="red").inner_text()
    page.select_option("#id_body_type", label="Sedan")
    send(page)
    found = recorded(Ad.objects.get(title="mi auto"))
    assert found["brand"] == ("kept", "accepted", 1)
    assert (found["body_type"][0], found["color"][0]) == ("changed", "stated")
