"""The health of the categories: what a search notices, the page and the CSV file."""

import csv
import io

import numpy as np
import pytest

from ad_autocategorize.models import TaxonomyFinding
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.tree_health import confused_pairs, hidden_clusters
from marketplace.models import Ad
from taxonomy.bulk import CategoryRow, upsert_categories
from taxonomy.tree import CategoryTree
from tests.moderation.conftest import find_mislabels

LIST = "/admin/ad_autocategorize/taxonomyfinding/"


def test_a_category_of_two_kinds_of_things_is_noticed():
    rng = np.random.default_rng(0)
    kinds = {"pizza": "muzzarella napolitana fugazza", "taladro": "percutor mecha bosch"}
    filler = ["nuevo", "usado", "grande", "chico", "rojo", "azul", "verde", "oferta", "lote", "caja", "color", "marca"]
    titles = []
    for number in range(120):
        kind, words = list(kinds.items())[number % 2]
        titles.append(" ".join([kind, rng.choice(words.split()), rng.choice(filler)]))
    plain = [" ".join(["libro", *rng.choice(filler, 3)]) for _ in range(120)]
    given = np.repeat([0, 1], 120)
    (found,) = hidden_clusters(titles + plain, given, [(1, 2), (1, 3)], TitleSettings())
    assert found.category == 0
    assert {"pizza", "taladro"} <= {word for words in found.words for word in words}
    assert sum(found.shares) == pytest.approx(1)


def test_only_siblings_confused_both_ways_are_worth_merging():
    confusion = np.array([[0.7, 0.3, 0.0], [0.25, 0.7, 0.05], [0.5, 0.0, 0.5]])
    siblings = np.array([[False, True, True], [True, False, False], [True, False, False]])
    (pair,) = confused_pairs(confusion, siblings, np.array([50, 50, 50]))
    assert (pair.first, pair.second, pair.there, pair.back) == (0, 1, 0.3, 0.25)
    assert not confused_pairs(confusion, siblings, np.array([50, 3, 50]))


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
    assert {("merge", "Sillones", "Sofás"), ("merge", "Sofás", "Sillones")} & found


@pytest.mark.django_db
def test_the_page_and_the_csv_file_show_examples(unhealthy, admin_client, client, moderators, django_user_model):
    find_mislabels()
    html = admin_client.get(LIST, {"kind__exact": "others"}).content.decode()
    assert "Hogar › Otros" in html
    assert "sarten" in html
    Ad.objects.filter(category=unhealthy.find(["Hogar", "Otros"])).update(title='=HYPERLINK("x")')
    response = admin_client.get(LIST + "csv/", {"kind__exact": "others"})
    rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert len(rows) == 2
    assert rows[1][1] == "Hogar › Otros"
    assert "Hogar › Cocina" in rows[1][5]
    assert rows[1][6].startswith("'=")
    client.force_login(django_user_model.objects.create_user("staff", is_staff=True))
    assert client.get(LIST + "csv/").status_code == 403
    client.force_login(moderators[0])
    assert client.get(LIST).status_code == 200
