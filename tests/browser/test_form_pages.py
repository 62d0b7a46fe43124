"""The form's widgets on hosts' pages that are built otherwise, typed into as a person does."""

import json

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import expect

from ad_autocategorize.conf import SETTING
from marketplace.models import Ad
from taxonomy.models import Brand, CarModel, Category
from tests.browser.test_bad_days import photo

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def visit(open_page, log_in, settings):
    """Open a page of the hosts', logged in as a moderator."""
    settings.ROOT_URLCONF = "tests.browser.form_pages"

    def visit(address, **options):
        page = open_page(**options)
        log_in(page, "eva")
        page.goto(address)
        return page

    return visit


def value_of(name):
    return str(Category.objects.get(name=name).pk)


def type_and_take(page, field, title="sofá futón sillon "):
    """Type a title as a person does, and take the first suggestion with the keyboard."""
    field.click()
    page.keyboard.type(title)
    expect(page.locator("[role=option]").first).to_be_visible()
    if page.locator("[role=option][aria-selected=true]").count() == 0:
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")


def shown_levels(scope):
    return scope.locator(".aac-picker select").evaluate_all("all => all.map(one => one.selectedOptions[0].text)")


def test_rows_that_are_added_to_an_inline_come_to_life(visit):
    seller = get_user_model().objects.get(username="eva")
    page = visit(f"/pages-admin/auth/user/{seller.pk}/change/")
    for number in (0, 1):
        page.locator(".add-row a").click()
        row = page.locator(f"#ads-{number}")
        type_and_take(page, row.locator(f"#id_ads-{number}-title"))
        assert page.input_value(f"#id_ads-{number}-category") == value_of("Sillones")
        assert shown_levels(row)[:3] == ["Hogar", "Muebles", "Sillones"]
    # The row that others are made from is no form: nothing in it has come to life.
    assert page.locator(".empty-form [data-live]").count() == 0
    assert page.reports == []


def test_a_form_that_htmx_swaps_in_comes_to_life_each_time(visit):
    page = visit("/swap/")
    for _ in range(2):
        page.click("#swap")
        page.wait_for_selector("#place aac-suggestions[data-live]")
        page.evaluate("document.querySelector('#place aac-suggestions').dataset.first = ''")
        type_and_take(page, page.locator("#place #id_title"))
        assert page.input_value("#place #id_category") == value_of("Sillones")
        assert shown_levels(page.locator("#place"))[:3] == ["Hogar", "Muebles", "Sillones"]
        page.evaluate("document.querySelector('#place').replaceChildren()")


def test_a_copy_of_the_page_that_was_alive_is_alive_and_whole(visit):
    """As Turbo keeps a page for Back, and some formsets make a row from the last one."""
    page = visit("/twice/")
    type_and_take(page, page.locator("#id_title").first)
    page.evaluate("document.body.replaceWith(document.body.cloneNode(true))")
    form = page.locator("form").first
    expect(form.locator("aac-picker .aac-picker")).to_have_count(1)
    expect(form.locator(".aac-list")).to_have_count(1)
    form.locator("input[name=title]").fill("")
    type_and_take(page, form.locator("input[name=title]"), "auto sedan nafta ")
    assert form.locator("select[name=category]").input_value() == value_of("Autos")
    assert shown_levels(form)[:2] == ["Vehículos", "Autos"]


def test_the_same_form_twice_on_a_page(visit):
    page = visit("/twice/")
    first, second = page.locator("form").all()
    type_and_take(page, second.locator("input[name=title]"))
    assert second.locator("select[name=category]").input_value() == value_of("Sillones")
    assert first.locator("select[name=category]").input_value() == ""
    assert shown_levels(second)[:2] == ["Hogar", "Muebles"]
    assert len(shown_levels(first)) == 1
    assert page.locator("[role=listbox]").evaluate_all("all => new Set(all.map(one => one.id)).size") == 2
    assert page.locator(".aac-picker select").evaluate_all("all => new Set(all.map(one => one.id)).size == all.length")


def test_an_autocomplete_select_gets_the_option(visit):
    page = visit("/pages-admin/marketplace/ad/add/")
    assert page.locator("#id_category option[value]:not([value=''])").count() == 0
    type_and_take(page, page.locator("#id_title"))
    assert page.input_value("#id_category") == value_of("Sillones")
    # The library shows it too.
    assert "Sillones" in page.inner_text(".select2-selection__rendered")

    assert page.locator(".aac-status").inner_text() != ""


def test_radio_buttons_are_taken_and_filled_in(visit, settings):
    ford = Brand.objects.create(name="Ford")
    CarModel.objects.create(brand=ford, name="Ka", first_year=1997)
    setattr(settings, SETTING, {**getattr(settings, SETTING)})
    page = visit("/radio/")
    type_and_take(page, page.locator("#id_title"), "auto sedan nafta ")
    assert page.locator("[name=category]:checked").input_value() == value_of("Autos")
    page.locator("#id_title").fill("")
    page.locator("#id_title").click()
    page.keyboard.type("auto ford ka 2005")
    page.keyboard.press("Tab")
    expect(page.locator(f"[name=brand][value='{ford.pk}']")).to_be_checked()
    assert page.input_value("#id_year") == "2005"
    assert page.locator("[data-field=brand]").count() == 1


def test_models_that_come_after_the_brand_are_filled_in_when_they_come(visit):
    ford = Brand.objects.create(name="Ford")
    ka, fiesta = (CarModel.objects.create(brand=ford, name=name) for name in ("Ka", "Fiesta"))
    page = visit("/late-models/")
    page.select_option("#id_category", value_of("Autos"))
    page.locator("#id_title").click()
    page.keyboard.type("ford fiesta 2005")
    page.keyboard.press("Tab")
    expect(page.locator("#id_car_model")).to_have_value(str(fiesta.pk))
    # The seller's own model outlives another title.
    page.select_option("#id_car_model", str(ka.pk))
    page.locator("#id_title").click()
    page.keyboard.type(" impecable")
    with page.expect_response("**/suggestions/car/title/"):
        page.keyboard.press("Tab")
    expect(page.locator("#id_car_model")).to_have_value(str(ka.pk))
    assert "Fiesta" in page.inner_text("[data-field=car_model]")


def told_by_a_photo(**values):
    """An answer of the photo endpoint; that of a real network is in ``test_car_photo``."""
    fields = {
        name: {
            "accepted": True,
            "options": [{"value": value, "label": label, "probability": 0.93, "confidence": "very_likely"}],
        }
        for name, (value, label) in values.items()
    }
    answer = {"status": "car", "message": "", "fields": fields, "models_by_brand": {}, "twins": [], "refused": ""}
    return json.dumps({**answer, "model_version": "v"})


def choose_a_photo(page, answer):
    page.route(
        "**/suggestions/car/", lambda route: route.fulfill(status=200, content_type="application/json", body=answer)
    )
    page.set_input_files("[type=file][name=photos]", [{"name": "a.jpg", "mimeType": "image/jpeg", "buffer": photo()}])
    page.wait_for_function("document.querySelector('.aac-car-status').textContent !== ''")


@pytest.fixture
def cars(site):
    """Two brands with a model each."""
    found = {}
    for brand, model in (("Ford", "Ka"), ("Fiat", "Uno")):
        row = Brand.objects.create(name=brand)
        found |= {brand: str(row.pk), model: str(CarModel.objects.create(brand=row, name=model).pk)}
    return found


@pytest.fixture
def car_form(visit):
    """The marketplace's form with the category of a car and a title that names one."""

    def open_form(title="vendo ford ka 2005", category="Autos"):
        page = visit("/ads/new/")
        page.select_option("#id_category", value_of(category))
        page.click("#id_title")
        page.keyboard.type(title)
        page.click("#id_description")
        return page

    return open_form


def test_where_photo_and_title_disagree_both_are_shown_and_one_press_takes_the_other(car_form, cars):
    page = car_form()
    expect(page.locator("#id_car_model")).to_have_value(cars["Ka"])
    choose_a_photo(
        page, told_by_a_photo(brand=(cars["Fiat"], "Fiat"), car_model=(cars["Uno"], "Uno"), year=("2005", "2005"))
    )
    # The title is the seller's own word.
    assert page.input_value("#id_brand") == cars["Ford"]
    notes = page.locator("[data-field=brand] .aac-car-note")
    expect(notes).to_have_count(2)
    assert "Fiat" in notes.nth(1).inner_text()
    assert page.text_content(".aac-car-status") == page.get_attribute("aac-car", "data-text-differs")
    # On the year they agree.
    expect(page.locator("[data-field=year] .aac-car-note")).to_have_count(1)
    notes.nth(1).locator("button").click()
    expect(page.locator("#id_brand")).to_have_value(cars["Fiat"])
    # Models follow the brand at once.
    expect(page.locator("#id_car_model")).to_have_value("")
    expect(page.locator("#id_car_model option")).to_have_text(["---------", "Fiat Uno"])
    assert page.reports == []


def test_a_contradiction_with_what_the_seller_says_is_said_and_nothing_is_filled_in(car_form, cars):
    page = car_form(title="vendo mi auto")
    page.select_option("#id_brand", cars["Ford"])
    page.select_option("#id_car_model", cars["Ka"])
    choose_a_photo(page, told_by_a_photo(brand=(cars["Fiat"], "Fiat"), car_model=(cars["Uno"], "Uno")))
    assert (page.input_value("#id_brand"), page.input_value("#id_car_model")) == (cars["Ford"], cars["Ka"])
    assert page.text_content(".aac-car-status") == page.get_attribute("aac-car", "data-text-differs")
    # A photo that says the same has filled in nothing, and does not say so.
    choose_a_photo(page, told_by_a_photo(brand=(cars["Ford"], "Ford"), car_model=(cars["Ka"], "Ka")))
    nothing = page.get_attribute("aac-car", "data-text-nothing")
    expect(page.locator(".aac-car-status")).to_have_text(nothing)
    assert page.locator(".aac-car-note").count() == 0


def test_the_fields_of_a_car_are_shown_for_cars_alone_and_not_sent_otherwise(car_form, cars):
    page = car_form(title="olla de acero", category="Cocina")
    section = page.locator("[data-aac-cars-only]")
    assert section.is_hidden()
    page.select_option("#id_category", value_of("Autos"))
    assert section.is_visible()
    page.select_option("#id_brand", cars["Ford"])
    expect(page.locator("#id_car_model option")).to_have_text(["---------", "Ford Ka"])
    page.select_option("#id_category", value_of("Cocina"))
    assert section.is_hidden()
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/suggestions/car/" in request.url else None)
    page.set_input_files("#id_photos", [{"name": "a.jpg", "mimeType": "image/jpeg", "buffer": photo()}])
    page.fill("#id_price", "10")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=espera")
    assert Ad.objects.get(title="olla de acero").brand is None
    # A pot is not looked at for a car.
    assert asked == []
