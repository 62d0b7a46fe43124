"""``retrain_classifiers --changed`` on a site: what it trains, what it leaves, and when it trains all."""

import io
import json
import re

import pytest
from django.core.management import CommandError, call_command

from ad_autocategorize.categories import incremental
from ad_autocategorize.categories.services import suggest_categories
from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.training.recompilation import outcomes_by_node
from ad_autocategorize.titles.training.state import STATE_FOLDER
from marketplace.models import Ad
from taxonomy.models import Category
from tests.versions.site import make_site

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def tree(db):
    tree = make_site(60)
    retrain()
    return tree


@pytest.fixture
def allowed_to_change_all(monkeypatch):
    monkeypatch.setattr(incremental, "MOST_CHANGED", 1.0)


def retrain(*options):
    out = io.StringIO()
    call_command("retrain_classifiers", *options, stdout=out, verbosity=0)
    return out.getvalue()


def active():
    return ModelVersion.objects.get(is_active=True)


def scorer_of(version, model_dir):
    return TitleScorer.load(model_dir / version.name, version.digest)


def ads_at(tree, *path):
    return Ad.objects.filter(category_id=tree.find(path)).order_by("pk")


def post(tree, title, *path):
    return Ad.objects.create(
        title=title, category_id=tree.find(path), seller=Ad.objects.first().seller, status=Ad.Status.PUBLISHED
    )


def node(scorer, key):
    """The table's columns and the biases of a node."""
    weights, _ = scorer.parts
    places = list(outcomes_by_node(scorer.tree)[key].values())
    width = (weights.table.shape[1] - 2) // 2
    both = [*places, *(width + place for place in places)]
    return weights.hot[:, both].tobytes(), weights.table[:, both].toarray().tobytes(), weights.bias[places].tobytes()


def test_nothing_changed_makes_no_version(tree, model_dir):
    before, folders = active(), sorted(model_dir.iterdir())
    assert f"Nothing has changed since {before.name}: no new version." in retrain("--changed")
    assert ModelVersion.objects.get() == before
    assert sorted(model_dir.iterdir()) == folders


def test_it_trains_where_ads_changed_and_a_second_run_does_nothing(tree, model_dir):
    before = active()
    for ad in ads_at(tree, "Hogar", "Mesas")[:9]:
        ad.category_id = tree.find(["Hogar", "Sillones"])
        ad.save()
    # The titles are hard to tell apart: by chance a version may be refused.
    printed = retrain("--changed", "--force")
    version = active()
    assert version.parent == before
    assert "1 of 4 nodes trained anew, for 18 changes to ads. The other nodes are as they were; vocabulary" in printed
    assert version.metrics["incremental"] == {
        "whole": before.name,
        "nodes": 4,
        "trained": 1,
        "waiting": 0,
        "changed": 18,
        "changed_since": 18,
    }
    then, now = scorer_of(before, model_dir), scorer_of(version, model_dir)
    home, cars = tree.find(["Hogar"]), tree.find(["Vehículos"])
    assert node(then, home) != node(now, home)
    for key in (-1, cars, tree.find(["Ocio"])):
        assert node(then, key) == node(now, key)
    assert "Nothing has changed" in retrain("--changed")
    assert active() == version


def test_the_gate_judges_it_on_the_ads_that_both_set_aside(tree):
    post(tree, "bicicleta rodado shimano", "Ocio", "Bicicletas")
    retrain("--changed")
    version = active()
    same_ads = version.verdict["warnings"][0]
    assert same_ads["code"] == "same_ads"
    assert same_ads["held_out"] >= 0.95 * version.parent.metrics["test_size"]
    assert version.metrics["test_size"] >= version.parent.metrics["test_size"]


def test_a_branch_that_was_emptied_is_refused(tree, allowed_to_change_all):
    before = active()
    kept = [ad.pk for name in ("Libros", "Bicicletas") for ad in ads_at(tree, "Ocio", name)[:5]]
    Ad.objects.filter(category__parent__name="Ocio").exclude(pk__in=kept).delete()
    with pytest.raises(CommandError, match="emptied by mistake") as refused:
        retrain("--changed")
    assert refused.value.returncode == 3
    assert active() == before
    assert ModelVersion.objects.get(is_refused=True).metrics["incremental"]["changed"] == 110


def test_changes_add_up_until_all_is_trained(tree):
    first = active()
    for ad in ads_at(tree, "Ocio", "Libros")[:20]:
        ad.category_id = tree.find(["Ocio", "Bicicletas"])
        ad.save()
    retrain("--changed", "--force")
    assert active().metrics["incremental"]["changed_since"] == 40
    for ad in ads_at(tree, "Hogar", "Mesas")[:20]:
        ad.category_id = tree.find(["Hogar", "Sillones"])
        ad.save()
    printed = retrain("--changed", "--force")
    assert f"All nodes were trained: since {first.name} there were 80 changes to the 360 ads." in printed
    assert "incremental" not in active().metrics


def test_a_category_out_of_use_is_not_suggested(tree):
    def named(title):
        return {found.category_id for found in suggest_categories(title, limit=10).suggestions}

    sofas = Category.objects.get(pk=tree.find(["Hogar", "Sillones"]))
    assert sofas.pk in named("sofa futon")
    post(tree, "sofa futon moto", "Vehículos", "Motos")
    sofas.is_active = False
    sofas.save()
    retrain("--changed")
    assert "incremental" in active().metrics
    assert sofas.pk not in named("sofa futon")
    assert named("moto scooter")


def test_a_category_that_is_gone_is_not_in_the_model(tree, model_dir):
    gone = tree.find(["Ocio", "Libros"])
    ads_at(tree, "Ocio", "Libros").update(category_id=tree.find(["Ocio", "Bicicletas"]))
    Category.objects.get(pk=gone).delete()
    retrain("--changed", "--force")
    assert gone not in {path[-1] for path in scorer_of(active(), model_dir).tree.categories}


def test_a_new_category_is_learned(tree, model_dir, allowed_to_change_all):
    new = Category.objects.create(name="Sofás cama", parent_id=tree.find(["Hogar"]))
    for number in range(20):
        post(tree, f"futon chenille esquinero n{number}", "Hogar", "Sillones")
    Ad.objects.filter(title__startswith="futon chenille esquinero").update(category_id=new.pk)
    retrain("--changed", "--force")
    assert active().metrics["incremental"]["trained"] == 2
    assert scorer_of(active(), model_dir).suggest("futon chenille esquinero", 1)[0].category == new.pk


def test_a_category_that_is_moved_takes_its_node_along(tree, model_dir, allowed_to_change_all):
    before = scorer_of(active(), model_dir)
    home, cars = Category.objects.get(name="Hogar"), Category.objects.get(name="Vehículos")
    home.parent = cars
    home.save()
    retrain("--changed", "--force")
    version = active()
    assert version.metrics["incremental"]["changed"] == 0
    after = scorer_of(version, model_dir)
    assert node(before, home.pk) == node(after, home.pk)
    assert after.suggest("sillon sofa futon", 1)[0].path[:2] == (cars.pk, home.pk)


def test_a_renamed_category_is_as_it_was_and_named_anew(tree):
    Category.objects.filter(name="Sillones").update(name="Sofás")
    assert "Nothing has changed" in retrain("--changed")


def damage(version, model_dir):
    (model_dir / version.name / STATE_FOLDER / "manifest.json").write_text("{}")


def of_another_release(version, model_dir):
    ModelVersion.objects.update(libraries={**version.libraries, "django-ad-autocategorize": "0.0.1"})


def without_state(version, model_dir):
    manifest = model_dir / version.name / "manifest.json"
    values = json.loads(manifest.read_text())
    del values["training"]
    manifest.write_text(json.dumps(values))
    ModelVersion.objects.update(digest="")


def gone(version, model_dir):
    version.delete()


FALLBACKS = [
    (damage, [], "what titles-.* left to go on from cannot be read"),
    (without_state, [], "left to go on from cannot be read"),
    (of_another_release, [], "another release of the plugin trained titles-"),
    (gone, [], "there is no version in service to go on from"),
    (lambda version, model_dir: None, ["--seed", "3"], "was trained with --seed 0"),
]


@pytest.mark.parametrize("make, options, reason", FALLBACKS)
def test_it_trains_all_where_there_is_nothing_to_go_on_from(make, options, reason, tree, model_dir):
    make(active(), model_dir)
    printed = retrain("--changed", "--force", *options)
    assert "All nodes were trained: " in printed
    assert re.search(reason, printed)
    assert "incremental" not in active().metrics


def test_other_settings_train_all(tree, settings):
    setattr(settings, SETTING, {**getattr(settings, SETTING), "TITLES": {"min_ads_per_node": 7}})
    assert "All nodes were trained: the title settings have changed since titles-" in retrain("--changed", "--force")


@pytest.mark.parametrize("option", ["--since=2026-01-01", "--limit=50"])
def test_a_part_of_the_ads_is_not_compared(option, tree):
    with pytest.raises(CommandError, match="--changed compares all ads"):
        retrain("--changed", option)


def test_the_log_and_the_admin_say_how_much_was_trained(tree, admin_client):
    post(tree, "libro novela tapa", "Ocio", "Libros")
    retrain("--changed")
    version = active()
    assert "2 of 4 nodes trained anew" in version.log
    page = admin_client.get(f"/admin/ad_autocategorize/modelversion/{version.pk}/change/").content.decode()
    assert version.metrics["incremental"]["whole"] in page
    assert "anew" in page or "nodos" in page
    out = io.StringIO()
    call_command("models", "show", version.name, stdout=out)
    assert "2 of 4 nodes trained anew" in out.getvalue()
