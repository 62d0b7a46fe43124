import pytest

from ad_autocategorize.models import SuggestionEvent
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
    assert page.inner_text("[role=status].aac-status") != ""
    # The one that is all but certain is marked already.
    assert active_option(page).count() == 1
    assert page.get_attribute("#id_title", "aria-activedescendant") == active_option(page).get_attribute("id")
    # The leaf first.
    assert active_option(page).inner_text().startswith("Sillones")
    assert "Hogar › Muebles" in active_option(page).inner_text()
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


def test_words_typed_before_the_module_arrives_are_answered_when_it_does(open_page, log_in):
    page = open_page()
    log_in(page, "ana")
    held = []
    page.route("**/category-suggestions*.js", lambda route: held.append(route))
    page.goto("/ads/new/", wait_until="commit")
    page.locator("#id_title").press_sequentially("sofá futón")
    while not held:
        page.wait_for_timeout(50)
    held[0].continue_()
    page.wait_for_selector("[role=option]")
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


def test_what_became_of_the_suggestions_is_told_once_and_without_the_title(open_page, log_in):
    page = open_page()
    log_in(page, "ana")
    sofas, cars = Category.objects.get(name="Sillones"), Category.objects.get(name="Autos")
    for chosen in (sofas, cars):
        page.goto("/ads/new/")
        page.locator("#id_title").press_sequentially("sofá futón")
        page.wait_for_selector("[role=option]")
        page.keyboard.press("Escape")
        page.select_option("#id_category", str(chosen.pk))
        page.fill("#id_price", "10")
        # Refused first: what was shown must survive that.
        page.fill("#id_price", "-10")
        page.evaluate("document.querySelector('form.stacked').noValidate = true")
        page.click("form.stacked > button.button")
        page.wait_for_selector(".errorlist")
        assert "sof" not in page.input_value("[name=category_suggestions]")
        page.fill("#id_price", "10")
        page.click("form.stacked > button.button")
        page.wait_for_selector("text=espera")
    ads = [Ad.objects.get(category=chosen, title="sofá futón") for chosen in (sofas, cars)]
    events = SuggestionEvent.objects.order_by("pk").values_list("outcome", "rank", "handling", "ad_id")
    assert list(events) == [
        ("accepted", 1, "ignored", str(ads[0].pk)),
        ("overruled", None, "ignored", str(ads[1].pk)),
    ]
    ad = ads[1]
    page.goto(f"/ads/{ad.pk}/edit/")
    page.locator("#id_title").press_sequentially(" rojo")
    page.locator("[role=option]").first.click()
    page.click("form.stacked > button.button")
    page.wait_for_selector("text=espera")
    assert SuggestionEvent.objects.filter(ad_id=str(ad.pk), rank=1, handling="taken", taken_rank=1).count() == 1
    assert page.reports == []


@pytest.mark.parametrize("title", ["sofá futón usado", "xyzzy"])
def test_what_was_taken_stays_taken_when_the_form_comes_back_and_the_title_changes(open_page, log_in, title):
    page = open_page()
    log_in(page, "ana")
    page.goto("/ads/new/")
    page.locator("#id_title").press_sequentially("sofá futón")
    page.locator("[role=option]").first.click()
    page.fill("#id_price", "-5")
    page.click("form.stacked > button.button")
    page.wait_for_selector(".errorlist")
    page.fill("#id_title", "")
    with page.expect_response("**/suggestions/category/"):
        page.locator("#id_title").press_sequentially(title)
    page.fill("#id_price", "10")
    page.click("form.stacked > button.button")
    page.wait_for_selector("text=espera")
    event = SuggestionEvent.objects.get()
    assert (event.handling, event.taken_rank) == ("taken", 1)


def test_what_was_taken_is_told_though_nothing_is_suggested_any_more(open_page, log_in):
    page = open_page()
    log_in(page, "ana")
    page.goto("/ads/new/")
    page.locator("#id_title").press_sequentially("sofá futón")
    page.locator("[role=option]").first.click()
    page.fill("#id_title", "")
    with page.expect_response("**/suggestions/category/"):
        page.locator("#id_title").press_sequentially("xyzzy")
    page.fill("#id_price", "10")
    page.click("form.stacked > button.button")
    page.wait_for_selector("text=espera")
    assert SuggestionEvent.objects.get().handling == "taken"
