"""Marketplaces that no textbook has: one ad alone, nearly all ads in one category, trees that are deep or wide."""

import io

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from ad_autocategorize.categories.services import suggest_categories
from ad_autocategorize.models import ModelVersion
from marketplace.models import Ad
from taxonomy.bulk import CategoryRow, upsert_categories
from taxonomy.tree import CategoryTree

pytestmark = pytest.mark.django_db


def file_ads(titles):
    """Publish titles, each with the path it is filed at; return the tree."""
    upsert_categories(CategoryRow(path) for path in {path for _, path in titles})
    tree = CategoryTree.load()
    seller = get_user_model().objects.create_user("ana")
    Ad.objects.bulk_create(
        Ad(title=title, category_id=tree.find(path), seller=seller, status=Ad.Status.PUBLISHED)
        for title, path in titles
    )
    return tree


def train(*options):
    call_command("retrain_classifiers", *options, verbosity=0, stdout=io.StringIO())
    return ModelVersion.objects.get()


def test_one_ad_alone_is_too_few_and_says_so():
    file_ads([("sofa futon", ("Hogar", "Sillones"))])
    with pytest.raises(CommandError, match="too few"):
        train()
    assert not ModelVersion.objects.exists()
    assert suggest_categories("sofa futon").suggestions == ()


def test_a_category_with_nearly_all_ads_does_not_swallow_the_other():
    words = ["azul", "rojo", "verde", "nuevo", "usado", "grande", "chico", "viejo"]
    titles = [(f"sillon {words[n % 8]} {words[n // 8 % 8]} {n % 97}", ("Hogar", "Sillones")) for n in range(2997)]
    titles += [(f"moto casco {word}", ("Motos",)) for word in words[:3]]
    tree = file_ads(titles)
    version = train()
    assert version.is_active
    assert version.metrics["path_accuracy"] > 0.99
    assert suggest_categories("sillon azul").suggestions[0].category_id == tree.find(("Hogar", "Sillones"))
    assert suggest_categories("casco para moto").suggestions[0].category_id == tree.find(("Motos",))


def test_a_tree_of_thirty_levels_is_trained_and_suggested_from():
    trunk = tuple(f"nivel {level}" for level in range(29))
    words = {"derecha": "sofa futon sillon", "izquierda": "moto casco scooter"}
    titles = [(f"{words[leaf].split()[n % 3]} modelo {n % 7}", (*trunk, leaf)) for n in range(60) for leaf in words]
    # Some stop half way.
    titles += [(f"olla sarten {n % 5}", trunk[:15]) for n in range(40)]
    tree = file_ads(titles)
    train()
    for title, path in (
        ("sofa futon", (*trunk, "derecha")),
        ("moto casco", (*trunk, "izquierda")),
        ("olla", trunk[:15]),
    ):
        best = suggest_categories(title).suggestions[0]
        assert tree.path_names(best.category_id) == path
        assert len(best.path) == len(path)


def test_a_node_of_many_children_is_trained_and_suggested_from():
    titles = [
        (f"pieza{number} repuesto {copy}", ("Repuestos", f"Pieza {number}")) for number in range(300) for copy in "abc"
    ]
    tree = file_ads(titles)
    train()
    best = suggest_categories("pieza217").suggestions[0]
    assert tree.path_names(best.category_id) == ("Repuestos", "Pieza 217")
