"""The health of the categories: what a search notices, the page and the CSV file."""

import csv
import io
import re
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.utils import timezone

from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import TaxonomyFinding
from ad_autocategorize.moderation.search.health import CATCH_ALL, Evidence, _worth_merging
from ad_autocategorize.titles.label_errors import tree_health
from ad_autocategorize.titles.label_errors.tree_health import confused_pairs, hidden_clusters
from ad_autocategorize.titles.settings import TitleSettings
from marketplace.models import Ad
from taxonomy.bulk import CategoryRow, upsert_categories
from taxonomy.models import Category
from taxonomy.tree import CategoryTree
from tests.hosts.rubros.models import Aviso
from tests.moderation.conftest import find_mislabels
from tests.plugin.test_sources import HOSTS

LIST = "/admin/ad_autocategorize/taxonomyfinding/"


def test_a_category_of_two_kinds_of_things_is_noticed():
    rng = np.random.default_rng(0)
    kinds = {"pizza": "muzzarella napolitana fugazza", "taladro": "percutor mecha bosch"}
    filler = ["nuevo", "usado", "grande", "chico", "rojo", "azul", "verde", "oferta", "lote", "caja", "color", "marca"]
    titles = []
    for number in range(120):
        kind, words = list(kinds.items())[number % 2]
        # Words that one kind has and the other has not, and that say nothing.
        grammar = "de la x" if kind == "pizza" else "para"
        titles.append(" ".join([kind, grammar, rng.choice(words.split()), rng.choice(filler)]))
    plain = [" ".join(["libro", *rng.choice(filler, 3)]) for _ in range(120)]
    given = np.repeat([0, 1], 120)
    (found,) = hidden_clusters(titles + plain, given, [(1, 2), (1, 3)], TitleSettings())
    assert found.category == 0
    assert 0.15 < found.silhouette <= 1
    told = {word for words in found.words for word in words}
    assert {"pizza", "taladro"} <= told
    assert not told & {"de", "la", "para", "x"}
    (other,) = hidden_clusters(titles + plain, given, [(1, 2), (1, 3)], TitleSettings(language="nowhere"))
    assert {"pizza", "taladro"} <= {word for words in other.words for word in words}
    assert sum(found.shares) == pytest.approx(1)


def test_groups_that_run_into_one_another_are_no_kinds(monkeypatch):
    """Every title draws from the same words, so that any two groups touch: the silhouette tells, and nothing else."""
    rng = np.random.default_rng(0)
    words = [f"{first}{second}" for first in "bdfglm" for second in ("ano", "eta", "iru", "oma", "una")]
    titles = [" ".join(rng.choice(words, 4)) for _ in range(160)]
    given, categories = np.zeros(160, dtype=np.intp), [(1, 2), (1, 3)]
    assert not hidden_clusters(titles, given, categories, TitleSettings())
    monkeypatch.setattr(tree_health, "SPLIT_SILHOUETTE", 0.0)
    monkeypatch.setattr(tree_health, "CLUSTER_SHARE", 0.05)
    (blurred,) = hidden_clusters(titles, given, categories, TitleSettings())
    assert 0 < blurred.silhouette < 0.15


def test_pairs_that_take_each_others_ads_are_worth_merging():
    confusion = np.array([[0.7, 0.3, 0.0], [0.25, 0.7, 0.05], [0.5, 0.0, 0.5]])
    (pair,) = confused_pairs(confusion, np.array([50, 50, 50]))
    assert (pair.first, pair.second, pair.there, pair.back, pair.mixing) == (0, 1, 0.3, 0.25, 0.5)
    assert not confused_pairs(confusion, np.array([50, 3, 50]))


def test_a_small_name_for_a_large_thing_is_noticed_and_a_small_thing_of_its_own_is_not():
    counts = np.array([300, 20, 20])
    # As one in sixteen of the pair the small one takes few ads, and gives nearly all of its own; the third only gives.
    confusion = np.array([[0.96, 0.04, 0.0], [0.9, 0.1, 0.0], [0.9, 0.0, 0.1]])
    (pair,) = confused_pairs(confusion, counts)
    assert (pair.first, pair.second) == (0, 1)
    assert pair.mixing == pytest.approx(0.04 * 320 / 20)


def test_a_pair_has_examples_though_a_third_category_is_likelier_for_all_of_its_ads():
    given = np.repeat([0, 1], 20)
    probabilities = np.tile(np.array([0.2, 0.2, 0.6], dtype=np.float32), (40, 1))
    probabilities[3, 1] = probabilities[33, 0] = 0.3
    scores = SimpleNamespace(categories=((1,), (2,), (3,)), given=given, probabilities=probabilities)
    confusion = np.array([[0.7, 0.3, 0.0], [0.3, 0.7, 0.0], [0.0, 0.0, 1.0]])
    quality = SimpleNamespace(confusion=confusion, suggested=np.full(40, 2), score=np.arange(40.0))
    evidence = Evidence([SimpleNamespace(ad_id=row) for row in range(40)], scores, quality, {})
    (finding,) = _worth_merging(evidence)
    assert finding.examples[:2] == ["3", "33"]
    # Where some are suggested to be the other's, it is those.
    quality.suggested[[5, 25]] = 1, 0
    (finding,) = _worth_merging(evidence)
    assert finding.examples == ["25", "5"]


@pytest.mark.parametrize(
    "name", ["Otros", "Otras Infusiones", "Varios", "Diversos", "Miscelánea", "Other", "Outros", "Demás"]
)
def test_names_of_catch_alls(name):
    assert CATCH_ALL.search(name)


@pytest.mark.parametrize("name", ["Potros", "Motherboards", "Generadores", "Variadores"])
def test_names_that_only_look_like_catch_alls(name):
    assert not CATCH_ALL.search(name)


@pytest.fixture
def unhealthy(marketplace_tree):
    """Two names for one thing, a catch-all, and a category that nobody uses."""
    paths = [("Hogar", "Muebles", "Sofás"), ("Hogar", "Otros"), ("Hogar", "Jardín"), ("Hogar", "Jardín", "Pasto")]
    upsert_categories(CategoryRow(path) for path in paths)
    tree = CategoryTree.load()
    seller = Ad.objects.first().seller
    for number in range(30):
        for path, words in ((paths[0], "sillon sofa futon"), (paths[1], "olla sarten heladera")):
            title = f"{words.split()[number % 3]} {words.split()[(number // 3) % 3]} modelo {number % 7}"
            # Most of what lies in the catch-all has a category of its own.
            if path == paths[0] or number < 6:
                Ad.objects.create(title=title, category_id=tree.find(path), seller=seller, status="published")
    return tree


@pytest.mark.django_db
@pytest.mark.database
def test_a_search_records_what_is_wrong_with_the_tree(unhealthy):
    find_mislabels()
    find_mislabels()
    found = {
        (finding.kind, unhealthy.name(finding.category_id), finding.other_id and unhealthy.name(finding.other_id))
        for finding in TaxonomyFinding.objects.all()
    }
    assert ("unused", "Jardín", None) in found
    assert ("unused", "Pasto", None) not in found
    assert ("others", "Otros", "Cocina") in found
    # The smaller would go into the larger.
    assert ("merge", "Sofás", "Sillones") in found
    (merge,) = TaxonomyFinding.objects.filter(kind="merge")
    assert merge.details["near_identical_filed_differently"] > 0
    assert 0.1 <= merge.weight <= 1


@pytest.mark.django_db
@pytest.mark.database
def test_a_category_that_is_the_same_as_the_one_above_would_go_into_it(marketplace_tree, admin_client):
    """As oil is filed under oils, and under olive oil below."""
    upsert_categories([CategoryRow(("Hogar", "Cocina", "Ollas"))])
    kitchen, pots = (CategoryTree.load().find(path) for path in (["Hogar", "Cocina"], ["Hogar", "Cocina", "Ollas"]))
    seller = Ad.objects.first().seller
    for number in range(30):
        words = ["olla", "sarten", "heladera"]
        title = f"{words[number % 3]} {words[(number // 3) % 3]} modelo {number % 7}"
        Ad.objects.create(title=title, category_id=pots, seller=seller, status="published")
    find_mislabels()
    finding = TaxonomyFinding.objects.get(kind="merge")
    # There are more ads below, and still it is the lower one that can be emptied.
    assert (finding.category_id, finding.other_id) == (kitchen, pots)
    html = admin_client.get(LIST, {"kind__exact": "merge"}).content.decode()
    assert f"{LIST}merge/{pots}/{kitchen}/" in html
    # Not once the lower one has others below itself.
    upsert_categories([CategoryRow(("Hogar", "Cocina", "Ollas", "Chicas"))])
    assert "/merge/" not in admin_client.get(LIST, {"kind__exact": "merge"}).content.decode()


@pytest.mark.django_db
def test_the_page_and_the_csv_file_show_examples(unhealthy, admin_client, client, moderators, django_user_model):
    find_mislabels()
    html = admin_client.get(LIST, {"kind__exact": "others"}).content.decode()
    assert "Hogar › Otros" in html
    assert "sarten" in html
    Ad.objects.filter(category=unhealthy.find(["Hogar", "Otros"])).update(title='=HYPERLINK("x")')
    for path in (["Hogar"], ["Hogar", "Otros"]):
        Category.objects.filter(pk=unhealthy.find(path)).update(name=f"={path[-1]}")
    response = admin_client.get(LIST + "csv/", {"kind__exact": "others"})
    rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert len(rows) == 2
    assert rows[1][1] == "'=Hogar › =Otros"
    assert "Hogar › Cocina" in rows[1][5]
    # By its number too, since a title is no address.
    first = TaxonomyFinding.objects.get(kind="others").examples[0]
    assert rows[1][6].startswith(f'{first}: \'=HYPERLINK("x") | ')
    client.force_login(django_user_model.objects.create_user("staff", is_staff=True))
    assert client.get(LIST + "csv/").status_code == 403
    client.force_login(moderators[0])
    assert client.get(LIST).status_code == 200


@pytest.mark.django_db
def test_only_who_may_merge_is_led_to_merging(unhealthy, client, moderators):
    find_mislabels()
    client.force_login(moderators[0])
    # Deciding in bulk alone is not enough.
    assert "/merge/" not in client.get(LIST, {"kind__exact": "merge"}).content.decode()
    moderators[0].user_permissions.add(Permission.objects.get(codename="change_category"))
    html = client.get(LIST, {"kind__exact": "merge"}).content.decode()
    (url,) = set(re.findall(rf'href="({LIST}merge/\d+/\d+/)"', html))
    assert client.get(url).status_code == 200


@pytest.mark.django_db
def test_the_page_says_when_it_was_searched_and_that_it_was_not(admin_client, marketplace_tree):
    admin_client.get("/")
    assert "find_mislabels" in admin_client.get(LIST).content.decode()
    TaxonomyFinding.objects.create(
        kind="rare",
        category_id=marketplace_tree.find(["Hogar"]),
        ads=2,
        weight=0.5,
        examples=["1", "gone", "99999"],
        found_at=datetime(2026, 3, 4, 15, tzinfo=UTC),
    )
    html = admin_client.get(LIST).content.decode()
    assert "4 de marzo de 2026" in html
    assert "<title>Salud de las categorías" in html


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["foo=bar", "category__id__exact=abc", "found_at__gte=yesterday"])
def test_filters_that_make_no_sense_are_taken_off_and_said_to_be(admin_client, marketplace_tree, query):
    response = admin_client.get(f"{LIST}csv/?{query}", follow=True)
    assert response.redirect_chain == [(LIST, 302)]
    assert "no tienen sentido" in response.content.decode()


@pytest.mark.django_db
def test_a_long_list_of_findings_asks_the_database_no_more_than_a_short_one(
    marketplace_tree, admin_client, django_assert_max_num_queries
):
    sofas, tables = (marketplace_tree.find(["Hogar", "Muebles", name]) for name in ("Sillones", "Mesas"))
    details = {"there": 0.3, "back": 0.2, "near_identical_filed_differently": 4}
    TaxonomyFinding.objects.bulk_create(
        TaxonomyFinding(
            kind="merge",
            category_id=sofas,
            other_id=tables,
            ads=20,
            weight=0.5,
            details=details,
            examples=[str(ad.pk)],
            found_at=timezone.now(),
        )
        for ad in Ad.objects.all()[:60]
    )
    admin_client.get(LIST)
    with django_assert_max_num_queries(16):
        html = admin_client.get(LIST).content.decode()
    assert html.count(f"{LIST}merge/{tables}/{sofas}/") == 50
    with django_assert_max_num_queries(18):
        rows = admin_client.get(f"{LIST}csv/").content.decode().splitlines()
    assert len(rows) == 61


@pytest.mark.django_db
def test_examples_are_links_for_those_who_may_open_them(unhealthy, client, moderators):
    find_mislabels()
    client.force_login(moderators[0])
    html = client.get(LIST, {"kind__exact": "others"}).content.decode()
    assert "sarten" in html
    assert "/admin/marketplace/ad/" not in html
    moderators[0].user_permissions.add(Permission.objects.get(codename="view_ad"))
    html = client.get(LIST, {"kind__exact": "others"}).content.decode()
    assert re.search(r"/admin/marketplace/ad/\d+/change/", html)


@pytest.mark.django_db
def test_example_ads_that_have_no_page_in_the_admin_are_named(settings, admin_client):
    dotted, make = HOSTS["self-referencing"]
    make()
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": dotted})
    call_command("sync_taxonomy", verbosity=0)
    ad, category = Aviso.objects.first(), Category.objects.get(name="Sillones")
    TaxonomyFinding.objects.create(
        kind="rare", category=category, ads=1, weight=0.5, examples=[str(ad.pk)], found_at=timezone.now()
    )
    html = admin_client.get(LIST).content.decode()
    assert "<li>sillon futon 0 usado</li>" in html
