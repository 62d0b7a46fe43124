"""The same widgets in a host's admin."""

import pytest
from django.core.management import call_command

from ad_autocategorize.conf import SETTING
from marketplace.models import Ad
from taxonomy.models import Category
from tests.browser.test_accessibility import DJANGO_S_OWN, SCREENS, axe, faults, fits  # noqa: F401 - a fixture
from tests.browser.test_category_picker import choose, levels
from tests.hosts.rubros.models import Aviso, Rubro

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("screen", SCREENS)
def test_a_moderator_files_an_ad_in_the_admin(open_page, log_in, axe, settings, screen):  # noqa: F811
    settings.ROOT_URLCONF = "tests.browser.own_admin"
    page = open_page(**SCREENS[screen])
    log_in(page, "eva")
    page.goto("/own-admin/marketplace/ad/add/")
    page.locator("#id_title").press_sequentially("sofá futón")
    page.locator("[role=option]").first.click()
    assert levels(page) == ["Hogar", "Muebles", "Sillones"]
    choose(page, 3, "Mesas")
    # Before axe, which the strict policy complains about.
    assert page.reports == []
    assert faults(axe, page, DJANGO_S_OWN) == []
    assert fits(page)
    seller = Ad.objects.first().seller
    page.select_option("#id_seller", str(seller.pk))
    page.click("[name=_continue]")
    page.wait_for_selector(".messagelist")
    ad = Ad.objects.get(title="sofá futón")
    assert ad.category == Category.objects.get(name="Mesas")
    assert levels(page) == ["Hogar", "Muebles", "Mesas"]


def test_a_host_with_categories_in_a_table_of_its_own(open_page, log_in, settings):
    settings.ROOT_URLCONF = "tests.browser.own_admin"
    page = open_page()
    log_in(page, "eva")
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": "tests.hosts.rubros.ad_source.RubroAds"})
    home, leisure = (Rubro.objects.create(nombre=name, padre=None) for name in ("Casa", "Tiempo libre"))
    sofas = Rubro.objects.create(nombre="Sofás", padre=home)
    for number in range(12):
        for rubro, words in (
            (sofas, "sillon futon"),
            (Rubro.objects.get_or_create(nombre="Bicis", padre=leisure)[0], "bici"),
        ):
            Aviso.objects.create(producto=f"{words} {number}", rubro=rubro)
    call_command("sync_taxonomy", verbosity=0)
    # Another site's ads than those of the model in service.
    call_command("retrain_classifiers", "--force", verbosity=0)
    page.goto("/own-admin/rubros/aviso/add/")
    page.locator("#id_producto").press_sequentially("sillon futon azul")
    page.locator("[role=option]").first.click()
    assert levels(page) == ["Casa", "Sofás"]
    assert page.input_value("#id_rubro") == str(sofas.pk)
    page.select_option("#id_rubro_level_1", label="Tiempo libre")
    assert page.input_value("#id_rubro") == ""
    # The admin's forms leave the asking to the server: a main category alone is no answer.
    page.click("[name=_save]")
    page.wait_for_selector(".errornote")
    assert page.get_attribute("#id_rubro_level_1", "aria-invalid") == "true"
    page.select_option("#id_rubro_level_1", label="Tiempo libre")
    page.select_option("#id_rubro_level_2", label="Bicis")
    page.click("[name=_save]")
    page.wait_for_selector(".messagelist")
    assert Aviso.objects.get(producto="sillon futon azul").rubro.nombre == "Bicis"
    assert page.reports == []
