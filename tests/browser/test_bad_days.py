"""The form when something is against it: no network, a server that fails or dawdles, hostile photos, a strict policy."""

import io

import pytest
from PIL import Image
from playwright.sync_api import expect

from marketplace.models import Ad, AdPhoto
from taxonomy.models import Category

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def form(open_page, log_in, settings, tmp_path):
    """Return a function that opens the form of a new ad, with options for the browser."""
    settings.MEDIA_ROOT = tmp_path / "media"

    def open_form(**options):
        page = open_page(**options)
        log_in(page, "ana")
        page.goto("/ads/new/")
        return page

    return open_form


def fill(page):
    page.select_option("#id_category", str(Category.objects.get(name="Sillones").pk))
    page.fill("#id_description", "casi nuevo")
    page.fill("#id_price", "10")


def photo(kind="JPEG", **options):
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(buffer, kind, **options)
    return buffer.getvalue()


def test_offline_the_form_keeps_what_was_typed_and_works_again_later(form):
    page = form()
    fill(page)
    page.context.set_offline(True)
    page.locator("#id_title").press_sequentially("sofá futón")
    page.wait_for_selector("text=No se puede")
    assert page.input_value("#id_description") == "casi nuevo"
    page.context.set_offline(False)
    with page.expect_response("**/suggestions/category/"):
        page.locator("#id_title").press_sequentially(" usado")
    # The ad stands already where it would be suggested: nothing is said.
    expect(page.locator(".aac-status")).to_have_text("")
    assert page.locator("[role=option]").count() == 0
    page.click("form.stacked > button.button")
    page.wait_for_selector("text=espera")
    assert Ad.objects.get(title="sofá futón usado").description == "casi nuevo"


@pytest.mark.parametrize("status", [403, 429, 500, 502])
def test_an_answer_of_the_wrong_kind_is_no_dead_end(form, status):
    page = form()
    page.route("**/api/**", lambda route: route.fulfill(status=status, body="<html>"))
    page.locator("#id_title").press_sequentially("sofá")
    page.wait_for_selector("text=No se puede")
    fill(page)
    page.click("form.stacked > button.button")
    page.wait_for_selector("text=espera")


def test_a_server_that_never_answers_is_given_up(form):
    page = form()
    page.clock.install()
    page.route("**/api/**", lambda route: None)
    page.locator("#id_title").press_sequentially("sofá")
    page.clock.run_for(300)
    page.clock.run_for(6000)
    page.wait_for_selector("text=No se puede")
    page.unroute_all()


def test_a_late_answer_to_an_old_title_is_not_shown(form):
    page = form()
    held = []
    page.route(
        "**/api/**", lambda route: held.append(route) if "moto" in route.request.post_data else route.continue_()
    )
    page.locator("#id_title").press_sequentially("moto scooter")
    page.wait_for_timeout(1000)
    assert held
    page.fill("#id_title", "sofá futón")
    page.wait_for_selector("[role=option]")
    for route in held:
        # The page has cancelled it, so that there may be nobody to answer.
        route.abort()
    page.wait_for_timeout(200)
    assert "Sillones" in page.locator("[role=option]").first.inner_text()


def test_a_hostile_photo_is_refused_in_words_and_nothing_typed_is_lost(form):
    page = form()
    page.fill("#id_title", "sofá")
    fill(page)
    svg = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"<svg onload='alert(1)'/>"}
    page.set_input_files("#id_photos", [svg])
    page.click("form.stacked > button.button")
    page.wait_for_selector(".errorlist")
    assert "No es una foto" in page.inner_text(".errorlist")
    assert page.input_value("#id_description") == "casi nuevo"
    assert not AdPhoto.objects.exists()


@pytest.mark.parametrize("javascript", [True, False])
def test_a_photo_loses_the_place_where_it_was_taken(form, javascript):
    page = form(java_script_enabled=javascript)
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "S", 2: (34.0, 36.0, 12.0)})
    page.fill("#id_title", "sofá con foto")
    fill(page)
    upload = {"name": "../../x.php", "mimeType": "image/jpeg", "buffer": photo(exif=exif)}
    page.set_input_files("#id_photos", [upload])
    page.click("form.stacked > button.button")
    page.wait_for_selector("text=espera")
    with Image.open(AdPhoto.objects.get().image.path) as stored:
        assert stored.getexif().get_ifd(0x8825) == {}


WATCH = """window.violations = [];
const note = (event) => violations.push(`${event.violatedDirective} ${event.blockedURI}`);
document.addEventListener("securitypolicyviolation", note);"""


def test_nothing_breaks_the_content_security_policy(form, site):
    page = form()
    page.add_init_script(WATCH)
    ad = Ad.objects.filter(seller__username="ana").first()
    for path in ("/", f"/ads/{ad.pk}/", "/ads/mine/", f"/ads/{ad.pk}/edit/", "/ads/new/"):
        answer = page.goto(path)
        assert answer.headers["content-security-policy"].startswith("default-src 'self';")
        if path == "/ads/new/":
            page.locator("#id_title").press_sequentially("sofá futón")
            page.locator("[role=option]").first.click()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("violations") == []
    # The listener listens.
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: '1'}))")
    page.wait_for_function("violations.length === 1")


def test_nor_does_the_administration(open_page, log_in):
    page = open_page()
    page.add_init_script(WATCH)
    log_in(page, "eva")
    sofas, ad = Category.objects.get(name="Sillones"), Ad.objects.first()
    for path in (
        "",
        "marketplace/ad/",
        f"marketplace/ad/{ad.pk}/change/",
        "ad_taxonomy/category/",
        f"ad_taxonomy/category/{sofas.pk}/change/",
        "ad_autocategorize/modelversion/",
    ):
        page.goto(f"/admin/{path}")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("violations") == [], path
