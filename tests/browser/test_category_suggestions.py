import pytest

from marketplace.models import Ad
from taxonomy.models import Category

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def active_option(page):
    return page.locator("[role=option][aria-selected=true]")


def test_a_seller_takes_a_suggestion_by_keyboard_and_a_moderator_publishes_the_ad(open_page, log_in):
    page = open_page()
    log_in(page, "ana")
    page.click("text=Publicar un aviso")
    page.locator("#id_title").press_sequentially("vendo sofá futón de tres cuerpos")
    page.wait_for_selector("[role=option]")
    assert page.get_attribute("#id_title", "aria-expanded") == "true"
    assert "sugerencias" in page.inner_text("[role=status].aac-status")
    page.keyboard.press("ArrowDown")
    assert active_option(page).count() == 1
    assert page.get_attribute("#id_title", "aria-activedescendant") == active_option(page).get_attribute("id")
    assert "Hogar › Muebles › Sillones" in active_option(page).inner_text()
    page.keyboard.press("Enter")
    sofas = Category.objects.get(name="Sillones")
    assert page.input_value("#id_category") == str(sofas.pk)
    assert page.url.endswith("/ads/new/")
    page.click("main button.button")
    page.wait_for_selector("text=espera")
    ad = Ad.objects.get(title__startswith="vendo sofá")
    assert ad.status == Ad.Status.PENDING

    moderator = open_page()
    log_in(moderator, "eva")
    moderator.goto("/admin/marketplace/ad/?status__exact=pending")
    moderator.check("input.action-select")
    moderator.select_option("select[name=action]", "publish")
    moderator.click("button[name=index]")
    moderator.wait_for_selector("text=Avisos publicados: 1.")
    visitor = open_page()
    visitor.goto(f"/category/{sofas.pk}/")
    assert visitor.locator("text=vendo sofá futón").count() == 1
    assert page.reports == []


def test_the_mouse_escape_and_a_choice_of_ones_own(open_page, log_in):
    page = open_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
    log_in(page, "ana")
    page.goto("/ads/new/")
    own = str(Category.objects.get(name="Autos").pk)
    page.select_option("#id_category", own)
    page.locator("#id_title").press_sequentially("moto scooter")
    page.wait_for_selector("[role=option]")
    assert page.input_value("#id_category") == own
    page.keyboard.press("Escape")
    assert page.locator("[role=option]").count() == 0
    page.locator("#id_title").press_sequentially(" casco")
    page.locator("[role=option]").first.click()
    assert page.input_value("#id_category") == str(Category.objects.get(name="Motos").pk)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_javascript_the_button_suggests_and_nothing_typed_is_lost(open_page, log_in):
    page = open_page(java_script_enabled=False)
    log_in(page, "ana")
    page.goto("/ads/new/")
    page.fill("#id_title", "olla sartén")
    page.fill("#id_description", "casi nueva")
    page.click("text=Sugerir categoría")
    page.click("button.aac-option >> nth=0")
    assert page.input_value("#id_category") == str(Category.objects.get(name="Cocina").pk)
    assert page.input_value("#id_description") == "casi nueva"
    assert not Ad.objects.filter(description="casi nueva").exists()


def test_an_unreachable_server_leaves_a_usable_form(open_page, log_in):
    page = open_page()
    log_in(page, "ana")
    page.goto("/ads/new/")
    page.route("**/api/**", lambda route: route.abort())
    page.locator("#id_title").press_sequentially("sofa")
    page.wait_for_selector("text=No se puede")
    page.unroute("**/api/**")
    page.locator("#id_title").press_sequentially(" futon")
    page.wait_for_selector("[role=option]")
    assert page.input_value("#id_title") == "sofa futon"
