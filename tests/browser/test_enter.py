"""Enter sends the ad, from every field, as it does on a form without the plugin; or takes what the list has marked."""

import pytest
from playwright.sync_api import expect

from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import SuggestionEvent
from marketplace.models import Ad
from taxonomy.models import Category
from tests.browser.test_bad_days import form, photo  # noqa: F401 - a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TEXT_FIELDS = ("title", "price", "year")


def fill_in(page, title="olla de acero"):
    """Type an ad as a person does, and leave the title before the list says anything."""
    page.click("#id_title")
    page.keyboard.type(title)
    page.locator("#id_description").click()
    page.keyboard.type("casi nueva")
    page.select_option("#id_category", str(Category.objects.get(name="Cocina").pk))
    page.fill("#id_price", "10")
    page.set_input_files("#id_photos", [{"name": "a.jpg", "mimeType": "image/jpeg", "buffer": photo()}])


@pytest.mark.parametrize("field", TEXT_FIELDS)
@pytest.mark.parametrize("javascript", [True, False])
def test_enter_in_a_field_sends_the_ad_with_its_photos(form, javascript, field):  # noqa: F811
    page = form(java_script_enabled=javascript)
    fill_in(page)
    # Cars alone have a year.
    category = "Autos" if field == "year" else "Cocina"
    page.select_option("#id_category", str(Category.objects.get(name=category).pk))
    page.focus(f"#id_{field}")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=espera")
    ad = Ad.objects.get(title="olla de acero")
    assert ad.category.name == category
    assert ad.photos.count() == 1
    assert page.reports == []


@pytest.mark.parametrize("javascript", [True, False])
def test_enter_presses_the_hosts_own_first_button(open_page, log_in, settings, javascript):
    settings.ROOT_URLCONF = "tests.browser.own_admin"
    page = open_page(java_script_enabled=javascript)
    log_in(page, "eva")
    for name in ("one", "two"):
        page.goto("/named-buttons/")
        page.fill("#id_title", name)
        page.select_option("#id_category", str(Category.objects.get(name="Cocina").pk))
        page.fill("#id_price", "10")
        if name == "two":
            page.focus("#id_title")
        page.keyboard.press("Enter")
        page.wait_for_selector(f"text=pressed draft: {name}")


@pytest.mark.parametrize("javascript", [True, False])
def test_enter_saves_in_the_admin(open_page, log_in, settings, javascript):
    settings.ROOT_URLCONF = "tests.browser.own_admin"
    page = open_page(java_script_enabled=javascript)
    log_in(page, "eva")
    page.goto("/own-admin/marketplace/ad/add/")
    page.fill("#id_title", "sofá")
    page.select_option("#id_category", str(Category.objects.get(name="Sillones").pk))
    page.select_option("#id_seller", str(Ad.objects.first().seller.pk))
    page.focus("#id_title")
    page.keyboard.press("Enter")
    page.wait_for_selector(".messagelist")
    assert Ad.objects.get(title="sofá").category.name == "Sillones"


def test_enter_takes_the_one_that_is_all_but_certain_and_then_sends(form):  # noqa: F811
    page = form()
    page.click("#id_title")
    page.keyboard.type("sofá futón sillon ")
    option = page.locator("[role=option]").first
    expect(option).to_have_attribute("aria-selected", "true")
    assert "Enter" in page.inner_text(".aac-status")
    page.keyboard.press("Enter")
    assert page.input_value("#id_category") == str(Category.objects.get(name="Sillones").pk)
    assert page.url.endswith("/ads/new/")
    expect(page.locator("[role=option]")).to_have_count(0)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=espera")
    assert SuggestionEvent.objects.get().handling == "taken"


def test_enter_takes_nothing_that_is_less_than_certain_and_nothing_over_the_sellers_choice(form, settings):  # noqa: F811
    page = form()
    chosen = str(Category.objects.get(name="Autos").pk)
    page.select_option("#id_category", chosen)
    page.click("#id_title")
    page.keyboard.type("sofá futón sillon ")
    expect(page.locator("[role=option]").first).to_have_attribute("aria-selected", "false")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=espera")
    assert Ad.objects.get(title="sofá futón sillon").category_id == int(chosen)


def test_escape_puts_the_list_away_and_enter_sends(form):  # noqa: F811
    page = form()
    page.click("#id_title")
    page.keyboard.type("sofá futón sillon ")
    expect(page.locator("[role=option]").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    # The browser asks for the category itself.
    assert page.evaluate("document.activeElement.id") == "id_category_level_1"
    assert page.input_value("#id_category") == ""


def test_without_the_api_enter_sends_the_ad_too(form, settings):  # noqa: F811
    setattr(settings, SETTING, {**getattr(settings, SETTING)})
    settings.ROOT_URLCONF = "tests.browser.without_api"
    page = form()
    fill_in(page)
    page.focus("#id_title")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=espera")
    assert Ad.objects.filter(title="olla de acero").count() == 1
