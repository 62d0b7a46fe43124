from collections import Counter
from datetime import date

import pytest
from django.core.management import CommandError, call_command

from ad_autocategorize.categories.services import suggest_categories
from ad_autocategorize.conf import SETTING
from ad_autocategorize.data_checks import check_mirror
from ad_autocategorize.sources import HostCategory, SourceError, get_source
from taxonomy.locking import current_version
from taxonomy.models import Category
from tests.hosts.nodos.models import Node, Offer
from tests.hosts.rubros.ad_source import RubroAds
from tests.hosts.rubros.models import Aviso, Rubro
from tests.hosts.secciones.ad_source import SectionAds
from tests.hosts.secciones.models import Group, Listing, Product, Section

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def use(settings, dotted):
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": dotted})


def make_rubros():
    home = Rubro.objects.create(nombre="Hogar", padre=None)
    tools = Rubro.objects.create(nombre="Herramientas", padre=None)
    sofas = Rubro.objects.create(nombre="Sillones", padre=home)
    for number in range(12):
        Aviso.objects.create(producto=f"sillon futon {number}", detalle="usado", rubro=sofas, alta=date(2026, 1, 1))
        Aviso.objects.create(producto=f"taladro bosch {number}", rubro=tools, alta=date(2025, 1, 1))
        Aviso.objects.create(
            producto=f"mesa silla {number}", rubro=home, visible=number % 2 == 0, alta=date(2026, 1, 1)
        )
    return sofas


def make_sections():
    home, tools = Section.objects.create(label="Hogar"), Section.objects.create(label="Herramientas")
    sofas = Group.objects.create(label="Sillones", section=home)
    for number in range(12):
        for name, section, group in (("sillon", home, sofas), ("taladro", tools, None), ("mesa", home, None)):
            product = Product.objects.create(name=f"{name} {number}")
            Listing.objects.create(product=product, section=section, group=group)
    return sofas


def make_nodes():
    home, tools = (Node.objects.add_root({"title": title}) for title in ("Hogar", "Herramientas"))
    sofas = Node.objects.add_child(home, {"title": "Sillones"})
    for number in range(12):
        for name, node in (("sillon", sofas), ("taladro", tools), ("mesa", home)):
            Offer.objects.create(headline=f"{name} {number}", node=Node.objects.get(pk=node.pk))
    Offer.objects.create(headline="oculto", node=tools, live=False)
    return sofas


HOSTS = {
    "self-referencing": ("tests.hosts.rubros.ad_source.RubroAds", make_rubros),
    "two tables": ("tests.hosts.secciones.ad_source.SectionAds", make_sections),
    "treebeard": ("tests.hosts.nodos.ad_source.NodeAds", make_nodes),
}


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_tree_is_mirrored_and_a_suggestion_leads_back_to_the_hosts_own_object(host, settings):
    dotted, make = HOSTS[host]
    sofas = make()
    use(settings, dotted)
    call_command("check")
    call_command("sync_taxonomy")
    assert {c.path_names() for c in Category.objects.all()} == {("Hogar",), ("Hogar", "Sillones"), ("Herramientas",)}
    call_command("retrain_classifiers")
    best = suggest_categories("sillon de tres cuerpos").suggestions[0]
    assert [step.name for step in best.path] == ["Hogar", "Sillones"]
    source = get_source()
    key = Category.objects.get(pk=best.category_id).external_id
    assert source.host_category(key) == sofas
    assert best.value == key


@pytest.mark.parametrize("host", HOSTS)
def test_ads_stream_without_a_query_each(host, settings, django_assert_max_num_queries):
    dotted, make = HOSTS[host]
    make()
    use(settings, dotted)
    call_command("sync_taxonomy")
    with django_assert_max_num_queries(9):
        assert len(list(get_source().iter_titles())) >= 30


def test_a_renamed_and_a_vanished_host_category(settings):
    sofas = make_rubros()
    use(settings, "tests.hosts.rubros.ad_source.RubroAds")
    call_command("sync_taxonomy")
    key = Category.objects.get(name="Sillones").pk
    sofas.nombre = "Sofás"
    sofas.save()
    Rubro.objects.filter(nombre="Herramientas").delete()
    call_command("sync_taxonomy", "--dry-run")
    assert Category.objects.get(pk=key).name == "Sillones"
    call_command("sync_taxonomy")
    assert Category.objects.get(pk=key).name == "Sofás"
    assert not Category.objects.get(name="Herramientas").is_active


def test_titles_by_method_published_condition_since_and_limit(settings):
    make_rubros()
    use(settings, "tests.hosts.rubros.ad_source.RubroAds")
    skipped = Counter()
    assert list(get_source().iter_titles(skipped=skipped)) == []
    assert skipped == {"category not in the taxonomy": 30}
    call_command("sync_taxonomy")
    titles = [ad.title for ad in get_source().iter_titles()]
    assert "sillon futon 3 usado" in titles
    assert "mesa silla 1" not in titles
    assert len(list(get_source().iter_titles(since=date(2026, 1, 1)))) == 18
    assert len(list(get_source().iter_titles(limit=5))) == 5


class SpokenAds(RubroAds):
    language = "spoken"

    def spoken(self, aviso):
        return {"sillon": "es-AR", "taladro": "pt-BR", "mesa": ""}[aviso.producto.split()[0]]


def test_ads_in_another_language_are_left_out_and_counted(settings):
    use(settings, f"{__name__}.SpokenAds")
    make_rubros()
    call_command("sync_taxonomy", verbosity=0)
    skipped = Counter()
    words = Counter(ad.title.split()[0] for ad in get_source().iter_titles(skipped=skipped))
    assert words == {"sillon": 12, "mesa": 6}
    assert skipped == {"in another language": 12}


def test_a_site_on_the_taxonomy_itself_has_nothing_to_mirror(marketplace_tree):
    with pytest.raises(CommandError, match="nothing to mirror"):
        call_command("sync_taxonomy")
    assert len(list(get_source().iter_titles())) == 90


@pytest.mark.parametrize(
    ("dotted", "message"),
    [
        (None, "is not set"),
        ("no.such.module", "cannot be imported"),
        ("marketplace.models.Ad", "not a subclass"),
        (3, "cannot be imported"),
    ],
)
def test_a_wrong_source_setting_is_explained(settings, dotted, message):
    use(settings, dotted)
    with pytest.raises(SourceError, match=message):
        get_source()


class OverlappingSections(SectionAds):
    """Two tables, both numbered from 1."""

    def category_path(self, place):
        if isinstance(place, Section):
            return [HostCategory(str(place.pk), place.label)]
        return [*self.category_path(place.section), HostCategory(str(place.pk), place.label)]


def test_a_key_that_stands_for_two_categories_is_refused_by_check_and_mirror(settings):
    sofas = make_sections()
    # Where the database has counted further in one table than in the other.
    section, _ = Section.objects.get_or_create(pk=sofas.pk, defaults={"label": "Otra"})
    use(settings, f"{__name__}.OverlappingSections")
    (message,) = check_mirror()
    assert f"'{sofas.pk}' stands for two categories, '{section.label}' and 'Hogar > Sillones'" in message.msg
    with pytest.raises(CommandError, match="stands for two categories"):
        call_command("sync_taxonomy")
    assert not Category.objects.exists()


def test_a_site_that_has_not_mirrored_its_categories_is_told_so(settings):
    make_rubros()
    use(settings, "tests.hosts.rubros.ad_source.RubroAds")
    assert ["sync_taxonomy" in message.hint for message in check_mirror()] == [True]
    for command in ("retrain_classifiers", "find_mislabels", "evaluate_classifiers"):
        with pytest.raises(CommandError, match=r"30 ads are left out, .* Run sync_taxonomy first"):
            call_command(command)
    call_command("sync_taxonomy", verbosity=0)
    assert check_mirror() == []


def test_two_host_categories_of_one_name_are_told_apart_and_stay_so(settings, capsys):
    make_rubros()
    home = Rubro.objects.get(nombre="Hogar")
    second = Rubro.objects.create(nombre="sillones ", padre=home)
    below = Rubro.objects.create(nombre="Puff", padre=second)
    use(settings, "tests.hosts.rubros.ad_source.RubroAds")
    call_command("sync_taxonomy")
    assert f"mirrored as 'sillones ({second.pk})'" in capsys.readouterr().err
    paths = {category.external_id: category.path_names() for category in Category.objects.all()}
    assert paths[str(below.pk)] == ("Hogar", f"sillones ({second.pk})", "Puff")
    # The first goes, and the second keeps its name until the host's changes; nothing else moves.
    version = current_version()
    call_command("sync_taxonomy")
    assert current_version() == version


def test_a_category_made_again_and_another_scheme_of_keys_do_not_end_the_mirror(settings, capsys):
    sofas = make_rubros()
    use(settings, "tests.hosts.rubros.ad_source.RubroAds")
    call_command("sync_taxonomy")
    before = Category.objects.get(external_id=str(sofas.pk)).pk
    again = Rubro.objects.create(nombre="Sillones", padre=sofas.padre)
    Aviso.objects.filter(rubro=sofas).update(rubro=again)
    gone = sofas.pk
    sofas.delete()
    call_command("sync_taxonomy")
    assert f"had the key '{gone}' and has '{again.pk}' now" in capsys.readouterr().err
    assert Category.objects.get(external_id=str(again.pk)).pk == before
    use(settings, f"{__name__}.PrefixedRubros")
    call_command("sync_taxonomy", "--rekey")
    assert Category.objects.get(external_id=f"rubro-{again.pk}").pk == before
    assert get_source().host_category(f"rubro-{again.pk}") == again
    assert len(list(get_source().iter_titles())) == 30


class PrefixedRubros(RubroAds):
    def category_path(self, rubro):
        return [HostCategory(f"rubro-{step.external_id}", step.name) for step in super().category_path(rubro)]
