"""Suggestions that leave a person in peace: nothing jumps, nothing is asked too early, nothing typed is lost."""

import pytest
from playwright.sync_api import expect

from marketplace.models import Ad
from taxonomy.models import Category
from tests.browser.test_accessibility import SCREENS
from tests.browser.test_bad_days import form, photo  # noqa: F401 - a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Notes where the field after the title is, at each frame.
WATCH_PLACE = """() => {
    window.places = new Set();
    const note = () => {
        places.add(Math.round(document.querySelector('#id_description').getBoundingClientRect().top + scrollY));
        requestAnimationFrame(note);
    };
    note();
}"""


@pytest.mark.parametrize("screen", SCREENS)
def test_the_form_below_does_not_move_while_a_title_is_typed(form, screen):  # noqa: F811
    page = form(**SCREENS[screen])
    page.wait_for_selector("aac-suggestions[data-live]")
    page.evaluate(WATCH_PLACE)
    page.click("#id_title")
    for word in ("sofá ", "futón ", "xyzzy ", "zxcv "):
        page.keyboard.type(word, delay=30)
        page.wait_for_timeout(400)
    page.keyboard.press("Escape")
    page.locator("#id_title").fill("olla ")
    expect(page.locator("[role=option]").first).to_be_visible()
    page.keyboard.press("Tab")
    page.wait_for_timeout(200)
    assert page.evaluate("places.size") == 1


def test_half_a_word_is_not_asked_about(form):  # noqa: F811
    page = form()
    asked = []
    page.on(
        "request", lambda request: asked.append(request.post_data) if "suggestions/category" in request.url else None
    )
    page.click("#id_title")
    page.keyboard.type("moto sco", delay=60)
    page.wait_for_timeout(300)
    # The finished word alone, if the line is quick enough.
    assert [data for data in asked if "sco" in data] == []
    with page.expect_response("**/suggestions/category/"):
        page.keyboard.type("oter ", delay=60)
    assert "moto scooter" in asked[-1]


def test_a_pause_finishes_a_word_too(form):  # noqa: F811
    page = form()
    page.click("#id_title")
    page.keyboard.type("heladera")
    expect(page.locator("[role=option]").first).to_be_visible()


def test_the_list_closes_when_the_focus_leaves_and_comes_back_when_it_is_asked_for(form):  # noqa: F811
    page = form()
    page.click("#id_title")
    page.keyboard.type("moto scooter ")
    expect(page.locator("[role=option]").first).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator("[role=option]")).to_have_count(0)
    assert page.get_attribute("#id_title", "aria-expanded") == "false"
    page.keyboard.press("Shift+Tab")
    assert page.locator("[role=option]").count() == 0
    page.keyboard.press("ArrowDown")
    expect(page.locator("[role=option]").first).to_have_attribute("aria-selected", "true")


def test_what_is_said_follows_when_the_picker_says_otherwise(form):  # noqa: F811
    page = form()
    page.click("#id_title")
    page.keyboard.type("moto scooter ")
    page.locator("[role=option]").first.click()
    assert "Motos" in page.inner_text(".aac-status")
    page.select_option("#id_category_level_2", label="Autos")
    assert page.inner_text(".aac-status") == ""
    assert page.input_value("#id_category") == str(Category.objects.get(name="Autos").pk)


def test_nonsense_brings_up_no_offers_and_one_quiet_sentence(form):  # noqa: F811
    page = form()
    page.click("#id_title")
    page.keyboard.type("xyzzy zxcv ")
    status = page.locator(".aac-status")
    expect(status).to_have_text(page.get_attribute("aac-suggestions", "data-text-none"))
    assert page.locator("[role=option]").count() == 0


def test_a_phone_is_not_told_of_arrow_keys(form):  # noqa: F811
    page = form(**SCREENS["phone"])
    page.tap("#id_title")
    page.keyboard.type("moto scooter ")
    expect(page.locator("[role=option]").first).to_be_visible()
    told = page.text_content(".aac-status")
    host = page.locator("aac-suggestions")
    assert told in {
        host.get_attribute("data-text-one-touch"),
        host.get_attribute("data-text-many-touch").replace("%n", str(page.locator("[role=option]").count())),
    }


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("javascript", [True, False])
def test_back_brings_the_title_back(form, javascript, sent):  # noqa: F811
    page = form(java_script_enabled=javascript)
    page.click("#id_title")
    page.keyboard.type("olla de acero")
    page.select_option("#id_category", str(Category.objects.get(name="Cocina").pk))
    page.focus("#id_title")
    if sent:
        page.keyboard.press("Enter")
        page.wait_for_selector("text=espera")
    else:
        page.goto("/")
    page.go_back()
    page.wait_for_load_state()
    assert page.input_value("#id_title") == "olla de acero"
    # It is no new title, so that nothing is suggested for it.
    page.wait_for_timeout(900)
    assert page.locator("[role=option]").count() == 0


@pytest.mark.parametrize("javascript", [True, False])
def test_a_form_that_comes_back_keeps_its_photos_and_says_first_what_is_wrong(form, javascript):  # noqa: F811
    page = form(java_script_enabled=javascript)
    page.click("#id_title")
    page.keyboard.type("olla de acero")
    page.select_option("#id_category", str(Category.objects.get(name="Cocina").pk))
    page.fill("#id_price", "-10")
    good, bad = {"name": "good.jpg", "mimeType": "image/jpeg", "buffer": photo()}, b"no photo at all"
    page.set_input_files("#id_photos", [good, {**good, "name": "bad.jpg", "buffer": bad}])
    page.focus("#id_price")
    page.keyboard.press("Enter")
    page.wait_for_selector("#errors")
    if javascript:
        assert page.evaluate("document.activeElement.id") == "errors"
    assert "bad.jpg" in page.inner_text("#errors")
    assert page.locator(".aac-held-photo").inner_text().strip() == "good.jpg"
    image = page.locator(".aac-held-photo img")
    # The errors stand in the page before its pictures do.
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.naturalWidth") > 0
    page.fill("#id_price", "10")
    page.focus("#id_price")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=espera")
    assert Ad.objects.get(title="olla de acero").photos.count() == 1
    assert page.reports == []


@pytest.mark.parametrize("javascript", [True, False])
def test_a_session_that_runs_out_costs_a_log_in_and_no_text(form, javascript):  # noqa: F811
    page = form(java_script_enabled=javascript)
    page.click("#id_title")
    page.keyboard.type("olla de acero")
    page.click("#id_description")
    page.keyboard.type("con tapa")
    page.select_option("#id_category", str(Category.objects.get(name="Cocina").pk))
    page.context.clear_cookies(name="sessionid")
    page.focus("#id_title")
    page.keyboard.press("Enter")
    page.wait_for_selector("#id_password")
    page.fill("#id_username", "ana")
    page.fill("#id_password", "secret")
    page.keyboard.press("Enter")
    page.wait_for_selector("#id_title")
    assert page.input_value("#id_title") == "olla de acero"
    assert page.input_value("#id_description") == "con tapa"
    page.focus("#id_title")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=espera")
    assert Ad.objects.get(title="olla de acero").category.name == "Cocina"
