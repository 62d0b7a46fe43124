import pytest
from django.middleware.csrf import CsrfViewMiddleware

from ad_autocategorize.checks import check_settings
from ad_autocategorize.conf import SETTING
from ad_autocategorize.sources import AdSource, HostCategory
from tests.hosts.rubros.models import Aviso


class MisspelledField(AdSource):
    model = "marketplace.Ad"
    title = "titel"
    published = {}


class NoPath(AdSource):
    model = "rubros.Aviso"
    title = "producto"
    category = "rubro"
    published = {}


class ByMethod(AdSource):
    """Ads of which the plugin can learn, and that no moderator can move."""

    model = "rubros.Aviso"
    title = "producto"
    category = "filed_at_rubro"
    category_model = "rubros.Rubro"
    published = {}

    def filed_at_rubro(self, ad):
        return ad.rubro

    def category_path(self, rubro):
        return [HostCategory(str(rubro.pk), rubro.nombre)]


class ByLongPath(ByMethod):
    category = "rubro__padre"


class Moving(ByMethod):
    def relabel(self, ad, category):
        ad.rubro = category
        ad.save()

    def ads_filed_at(self, categories):
        return Aviso.objects.filter(rubro__in=categories)


class NoModel(AdSource):
    model = "shop.Listing"


class BadFilter(AdSource):
    model = "marketplace.Ad"
    published = {"sold": False}


class Exploding(AdSource):
    model = "marketplace.Ad"

    def get_queryset(self):
        raise ZeroDivisionError("host code")


def messages(settings, **changes):
    setattr(settings, SETTING, {**getattr(settings, SETTING), **changes})
    return " | ".join(f"{message.id} {message.msg} {message.hint}" for message in check_settings())


def test_the_demo_has_nothing_to_say(settings):
    assert messages(settings) == ""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"SUORCE": 1}, "Did you mean 'SOURCE'"),
        ({"MODEL_DIR": None}, "E004"),
        ({"MODEL_DIR": __file__}, "E005"),
        ({"TITLES": {"clasifier": "x"}}, "Did you mean 'classifier'"),
        ({"TITLES": {"classifier": "svm"}}, "linear_svc"),
        ({"TITLES": ["x"]}, "E007"),
        ({"PHOTOS": {"heigth": 224}}, "heigth"),
        ({"PHOTO_PRECISION": 90}, "from 0 to 1"),
        ({"TWIN_CARS": [["Fiat Strada", "Ram 700"]]}, "E014"),
        ({"TWIN_CARS": {"Fiat": "Ram"}}, "E014"),
        ({"SUGGESTION_COUNT": "3"}, "whole number"),
        ({"ECHOED_LABEL_WEIGHT": 0}, "above 0"),
        ({"MODERATED_LABEL_WEIGHT": True}, "above 0"),
        ({"ADS_PER_SELLER": 0}, "None"),
        ({"SOURCE": "nowhere.Ads"}, "E009"),
        ({"SOURCE": f"{__name__}.MisspelledField"}, "has no field 'titel'; it has body_type"),
        ({"SOURCE": f"{__name__}.NoPath"}, "category_path(self, category)"),
        ({"SOURCE": f"{__name__}.NoModel"}, "shop"),
        ({"SOURCE": f"{__name__}.BadFilter"}, "Cannot resolve keyword 'sold'"),
        ({"SOURCE": f"{__name__}.Exploding"}, "host code"),
    ],
)
def test_each_wrong_setting_is_explained(settings, changes, expected):
    assert expected in messages(settings, **changes)


@pytest.mark.parametrize("root", ["MEDIA_ROOT", "STATIC_ROOT"])
def test_models_must_not_be_public(settings, tmp_path, root):
    setattr(settings, root, tmp_path)
    assert "which is public" in messages(settings, MODEL_DIR=tmp_path / "models")


@pytest.mark.parametrize("value", ["text", 3, [("SOURCE", "x")]])
def test_a_setting_of_another_type(settings, value):
    setattr(settings, SETTING, value)
    assert [message.id for message in check_settings()] == ["ad_autocategorize.E002"]
    delattr(settings, SETTING)
    assert [message.id for message in check_settings()] == ["ad_autocategorize.E001"]


@pytest.mark.parametrize(
    ("source", "told"),
    [("ByMethod", ["W002", "W003"]), ("ByLongPath", ["W002"]), ("Moving", [])],
)
def test_what_moderators_would_miss_is_told_to_the_installer(settings, source, told):
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": f"{__name__}.{source}"})
    assert [message.id for message in check_settings()] == [f"ad_autocategorize.{name}" for name in told]


def test_a_site_without_the_csrf_middleware_is_told_what_breaks(settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
    assert "W005" in messages(settings)
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.OwnCsrf"]
    assert messages(settings) == ""


class OwnCsrf(CsrfViewMiddleware):
    pass


def test_keys_of_several_tables_need_a_word_about_the_form(settings):
    assert "W006" in messages(settings, SOURCE="tests.hosts.secciones.ad_source.SectionAds")
    assert messages(settings, SOURCE="tests.hosts.etiquetas.ad_source.PlacementsOfOffers") == ""
    assert messages(settings, SOURCE="tests.hosts.etiquetas.ad_source.OffersByMethod") == ""
