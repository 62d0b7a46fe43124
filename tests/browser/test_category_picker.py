"""The category as one select per level: filled by a suggestion, corrected, sent, sent back, and without JavaScript."""

import pytest

from marketplace.models import Ad
from taxonomy.bulk import CategoryRow, upsert_categories
from taxonomy.models import Category
from tests.browser.test_accessibility import SCREENS, axe, faults, fits  # noqa: F401 - a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


LISTEN = """() => {
    window.heard = [];
    const note = (event) => heard.push(event.target.name + event.target.value);
    document.querySelector("form.stacked").addEventListener("change", note);
}"""


@pytest.fixture
def form(open_page, log_in):
    def open_form(**options):
        page = open_page(**options)
        log_in(page, "ana")
        page.goto("/ads/new/")
        return page

    return open_form


def levels(page):
    """The name chosen at each level; empty where none is."""
    return page.eval_on_selector_all(
        ".aac-picker select", "all => all.map(one => one.value && one.selectedOptions[0].text)"
    )


def choose(page, level, name):
    page.select_option(f"#id_category_level_{level}", label=name)


def value_of(name):
    return str(Category.objects.get(name=name).pk)


def send(page):
    page.click("form.stacked > button.button")


def test_a_suggestion_fills_the_levels_and_the_second_is_corrected(form):
    page = form()
    assert levels(page) == [""]
    page.locator("#id_title").press_sequentially("sofá futón")
    page.locator("[role=option]").first.click()
    assert levels(page) == ["Hogar", "Muebles", "Sillones"]
    assert page.input_value("#id_category") == value_of("Sillones")
    choose(page, 2, "Cocina")
    assert levels(page) == ["Hogar", "Cocina"]
    assert page.input_value("#id_category") == value_of("Cocina")
    page.fill("#id_price", "10")
    send(page)
    page.wait_for_selector("text=espera")
    ad = Ad.objects.get(title="sofá futón")
    assert ad.category.name == "Cocina"
    page.goto(f"/ads/{ad.pk}/edit/")
    assert levels(page) == ["Hogar", "Cocina"]
    assert page.reports == []


def test_an_inner_category_is_an_answer_and_the_host_hears_of_each_change_once(form):
    page = form()
    page.evaluate(LISTEN)
    choose(page, 1, "Hogar")
    assert levels(page) == ["Hogar", ""]
    assert page.input_value("#id_category") == value_of("Hogar")
    assert page.inner_text(".aac-picker-level:nth-child(2) .aac-picker-label") == "Dentro de Hogar"
    choose(page, 2, "Muebles")
    choose(page, 1, "Vehículos")
    assert levels(page) == ["Vehículos", ""]
    page.select_option("#id_category_level_1", "")
    assert levels(page) == [""]
    expected = [f"category{value}" for value in (*map(value_of, ("Hogar", "Muebles", "Vehículos")), "")]
    assert page.evaluate("heard") == expected
    assert page.reports == []


def test_keyboard_label_and_what_a_screen_reader_is_told(form):
    page = form()
    page.click("label:has-text('Categoría')")
    assert page.evaluate("document.activeElement.id") == "id_category_level_1"
    # An error's link, or a script of the host's, points at the field itself.
    page.focus("#id_title")
    page.focus("#id_category")
    assert page.evaluate("document.activeElement.id") == "id_category_level_1"
    assert (
        page.get_by_role("combobox", name="Categoría", exact=False).first.get_attribute("id") == "id_category_level_1"
    )
    assert page.get_by_role("combobox", name="Categoría: Categoría principal").count() == 1
    page.keyboard.type("Hog")
    assert levels(page) == ["Hogar", ""]
    assert "2" in page.inner_text(".aac-picker-status")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.labels[0].textContent") == "Dentro de Hogar"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.keyboard.type("Mueb")
    page.keyboard.press("Tab")
    page.keyboard.type("Mes")
    assert page.input_value("#id_category") == value_of("Mesas")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    # The field itself is passed by.
    assert page.evaluate("document.activeElement.id") == "id_title"


def test_a_form_that_is_sent_back_keeps_the_choice_and_its_errors(form):
    page = form()
    page.fill("#id_title", "sofá")
    page.fill("#id_price", "10")
    page.evaluate("document.querySelector('form.stacked').noValidate = true")
    send(page)
    page.wait_for_selector("#id_category_error")
    first = page.locator("#id_category_level_1")
    assert first.get_attribute("aria-invalid") == "true"
    assert "id_category_error" in first.get_attribute("aria-describedby")
    choose(page, 1, "Hogar")
    choose(page, 2, "Muebles")
    page.fill("#id_price", "-10")
    send(page)
    page.wait_for_selector("#id_price_error")
    assert levels(page) == ["Hogar", "Muebles", ""]
    assert page.locator("#id_category_level_1").get_attribute("aria-invalid") is None
    page.evaluate("document.querySelector('form.stacked').reset()")
    page.wait_for_timeout(100)
    assert levels(page) == ["Hogar", "Muebles", ""]


def test_a_required_category_is_asked_for_where_it_can_be_seen(form):
    page = form()
    page.fill("#id_title", "sofá")
    send(page)
    assert page.evaluate("document.activeElement.id") == "id_category_level_1"
    assert page.url.endswith("/ads/new/")
    assert page.reports == []


def test_a_level_that_is_no_answer_asks_for_the_next(open_page, log_in):
    page = open_page()
    log_in(page, "ana")
    home, furniture = value_of("Hogar"), value_of("Muebles")

    def without_home(route):
        html = route.fetch().text()
        start = html.index(f'<option value="{home}"')
        html = html[:start] + html[html.index("</option>", start) + 9 :]
        html = html.replace('data-groups="{}"', 'data-groups="{&quot;g&quot;: [&quot;Hogar&quot;, &quot;&quot;]}"')
        route.fulfill(
            body=html.replace(f'data-parent="{home}"', 'data-parent="g"'), content_type="text/html; charset=utf-8"
        )

    page.route("**/ads/new/", without_home)
    page.goto("/ads/new/")
    names = page.eval_on_selector_all("#id_category_level_1 option", "all => all.map(one => one.text)")
    assert names[1:] == ["Hogar", "Vehículos"]
    choose(page, 1, "Vehículos")
    choose(page, 1, "Hogar")
    assert levels(page) == ["Hogar", ""]
    assert page.input_value("#id_category") == ""
    assert page.get_attribute("#id_category_level_2", "required") is not None
    choose(page, 2, "Muebles")
    assert page.input_value("#id_category") == furniture
    assert page.get_attribute("#id_category_level_3", "required") is None


def test_what_was_chosen_before_the_module_arrives_is_kept_and_so_is_the_focus(open_page, log_in):
    page = open_page()
    log_in(page, "ana")
    held = []
    page.route("**/category-picker*.js", lambda route: held.append(route))
    page.goto("/ads/new/", wait_until="commit")
    page.select_option("#id_category", label="Hogar › Muebles › Mesas")
    page.focus("#id_category")
    while not held:
        page.wait_for_timeout(50)
    held[0].continue_()
    page.wait_for_selector("#id_category_level_3")
    assert levels(page) == ["Hogar", "Muebles", "Mesas"]
    assert page.evaluate("document.activeElement.id") == "id_category_level_1"
    assert page.reports == []


def test_without_javascript_it_is_a_plain_select(form):
    page = form(java_script_enabled=False)
    assert page.locator(".aac-picker").count() == 0
    page.fill("#id_title", "sofá sin guion")
    page.select_option("#id_category", label="Hogar › Muebles › Mesas")
    page.fill("#id_price", "10")
    send(page)
    page.wait_for_selector("text=espera")
    assert Ad.objects.get(title="sofá sin guion").category.name == "Mesas"


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_deep_levels_are_sound_and_fit(form, axe, screen, direction):  # noqa: F811
    upsert_categories([CategoryRow(("Hogar", "Muebles", "Sillones", "Con un nombre larguísimo " * 4, "Rojos"))])
    page = form(**SCREENS[screen])
    page.evaluate(f"document.documentElement.dir = '{direction}'")
    for level, name in enumerate(("Hogar", "Muebles", "Sillones"), start=1):
        choose(page, level, name)
    page.select_option("#id_category_level_4", index=1)
    choose(page, 5, "Rojos")
    assert page.input_value("#id_category") == value_of("Rojos")
    assert faults(axe, page) == []
    assert fits(page)
    for box in page.locator(".aac-picker select").all():
        assert box.bounding_box()["height"] >= 24
