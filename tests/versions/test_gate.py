"""What becomes of a new title model: honest ones are promoted, and what goes wrong on a real site is stopped."""

import io
import random
import shutil

import pytest
from django.core.management import CommandError, call_command

from ad_autocategorize.categories.services import suggest_categories
from ad_autocategorize.management.training import REFUSED
from ad_autocategorize.models import ModelVersion, Reason
from marketplace.models import Ad
from taxonomy.models import Category
from taxonomy.tree import CategoryTree
from tests.versions.site import make_site

pytestmark = pytest.mark.django_db


def retrain(*options):
    """Train again, and return the newest version with what the command wrote and what it refused with."""
    out = io.StringIO()
    refusal = None
    try:
        call_command("retrain_classifiers", *options, stdout=out)
    except CommandError as error:
        refusal = error
    return ModelVersion.objects.first(), out.getvalue(), refusal


def codes(version):
    return [row["code"] for row in version.verdict["reasons"]]


def is_stopped(champion, model_dir, code):
    """Train, and look whether the champion stays for one reason; return the sentence."""
    version, out, refusal = retrain()
    champion.refresh_from_db()
    assert version != champion
    assert (version.status, champion.status) == ("refused", "active")
    assert codes(version) == [code]
    assert refusal.returncode == REFUSED
    assert "the version in service stays" in str(refusal)
    assert out.rstrip().endswith("ads, refused.")
    assert version.parent == champion
    # It is kept, for a person to look at or promote.
    assert (model_dir / version.name / "manifest.json").exists()
    assert suggest_categories("sofa futon").model_version == champion.name
    return str(refusal)


def test_an_equal_model_is_promoted(champion):
    version, out, refusal = retrain()
    assert refusal is None
    assert version.status == "active"
    assert version.parent == champion
    assert version.data_fingerprint == champion.data_fingerprint
    assert version.activations.get().reason == Reason.PROMOTED
    [overall, *branches] = version.verdict["compared"]
    # All of the hold-out was set aside by both, and both say the same of it.
    assert overall["ads"] == version.metrics["test_size"]
    assert overall["difference"] == 0
    assert {row["name"] for row in branches} == {"Vehículos", "Hogar", "Ocio"}
    assert "Compared on ads that neither had learned from: 198 that both had set aside, and 0 that are new." in out


def test_a_model_of_a_grown_site_is_promoted(champion):
    make_site(of_each=20, seed=1)
    version, _, refusal = retrain()
    assert refusal is None
    assert version.status == "active"
    assert version.data_fingerprint != champion.data_fingerprint
    [warning] = version.verdict["warnings"]
    assert warning["new"] > 20
    assert warning["held_out"] > 150


def test_labels_that_were_mended_are_no_reason_to_refuse(site):
    """A fifth of the labels were wrong when the champion was trained; moderators have corrected them since."""
    right = {ad.pk: ad.category_id for ad in Ad.objects.all()}
    relabel(random.Random(3).sample(sorted(right), len(right) // 5))
    call_command("retrain_classifiers", stdout=io.StringIO())
    for pk, category in right.items():
        Ad.objects.filter(pk=pk).update(category_id=category)
    version, _, refusal = retrain()
    assert refusal is None
    assert version.status == "active"
    assert version.verdict["compared"][0]["difference"] >= 0


def relabel(keys):
    """File ads in another category each, drawn by chance."""
    rng = random.Random(1)
    categories = sorted(set(Ad.objects.values_list("category_id", flat=True)))
    for ad in Ad.objects.filter(pk__in=keys):
        Ad.objects.filter(pk=ad.pk).update(category_id=rng.choice([pk for pk in categories if pk != ad.category_id]))


def test_half_of_the_ads_relabelled_by_mistake(champion):
    keys = sorted(Ad.objects.values_list("pk", flat=True))
    relabel(random.Random(2).sample(keys, len(keys) // 2))
    version, _, refusal = retrain()
    assert version.status == "refused"
    assert "labels" in codes(version)
    assert "were ads filed elsewhere by mistake?" in str(refusal)
    assert ModelVersion.objects.get(is_active=True) == champion


def test_half_of_the_ads_exchanged_by_mistake(champion, model_dir):
    """Labels that are wrong in a system are learned as well as the right ones: only the champion can tell."""
    places = sorted(set(Ad.objects.values_list("category_id", flat=True)))
    first, second, third = places[0], places[2], places[4]
    keys = {pk: list(Ad.objects.filter(category_id=pk).values_list("pk", flat=True)) for pk in places}
    for old, new in ((first, second), (second, third), (third, first)):
        Ad.objects.filter(pk__in=keys[old]).update(category_id=new)
    sentence = is_stopped(champion, model_dir, "labels")
    assert "by today's labels" in sentence
    # The challenger's own hold-out knows nothing of it.
    assert abs(ModelVersion.objects.first().metrics["path_accuracy"] - champion.metrics["path_accuracy"]) < 0.05


def test_a_source_that_gives_a_tenth_of_the_ads(champion, model_dir):
    keep = list(Ad.objects.values_list("pk", flat=True)[::10])
    Ad.objects.exclude(pk__in=keep).update(status=Ad.Status.PENDING)
    assert "There are 60 ads to learn from" in is_stopped(champion, model_dir, "few_ads")


def test_a_branch_that_was_emptied(champion, model_dir):
    Ad.objects.filter(category__parent__name="Hogar").update(status=Ad.Status.PENDING)
    assert "“Hogar” has 0 ads left of 200" in is_stopped(champion, model_dir, "emptied")


def test_a_model_from_a_few_dozen_ads(champion):
    version, _, refusal = retrain("--limit", "48")
    assert codes(version) == ["few_ads"]
    assert version.status == "refused"
    assert refusal.returncode == REFUSED


def test_titles_that_were_cut_by_mistake(champion):
    """The labels are as they were: the challenger is worse on the same ads."""
    for ad in Ad.objects.all():
        Ad.objects.filter(pk=ad.pk).update(title=ad.title.split()[0])
    version, _, refusal = retrain()
    assert version.status == "refused"
    assert set(codes(version)) == {"worse"}
    assert "On 198 ads that neither had learned from" in str(refusal)
    assert ModelVersion.objects.get(is_active=True) == champion


def test_a_category_merged_into_another_is_no_mistake(champion):
    old = Category.objects.get(name="Autos")
    Ad.objects.filter(category=old).update(category=Category.objects.get(name="Motos"))
    old.delete()
    version, _, refusal = retrain()
    assert "labels" not in codes(version)
    assert refusal is None
    assert CategoryTree.load().find(("Vehículos", "Autos")) is None


def test_force_promotes_and_is_recorded(champion):
    version, _, refusal = retrain("--limit", "48", "--force")
    assert refusal is None
    assert version.status == "active"
    assert version.forced
    assert codes(version) == ["few_ads"]
    assert version.activations.get().reason == Reason.FORCED


def test_a_version_that_is_not_to_serve_is_judged_without_an_error(champion):
    version, out, refusal = retrain("--limit", "48", "--no-activate")
    assert refusal is None
    assert version.status == "refused"
    assert "Against it: There are 48 ads to learn from" in out
    champion.refresh_from_db()
    assert champion.status == "active"


def test_a_candidate_waits_to_be_chosen(champion):
    version, _, _ = retrain("--no-activate")
    assert version.status == "candidate"
    assert not version.activations.exists()


def test_a_champion_without_outcomes_is_compared_by_its_record(champion, model_dir):
    (model_dir / champion.name / "outcomes.safetensors").write_bytes(b"damaged")
    version, out, refusal = retrain()
    assert refusal is None
    assert version.status == "active"
    assert version.verdict["compared"] == []
    assert "what each recorded on its own hold-out was compared" in out


def test_a_model_that_is_worse_than_the_record_is_refused(champion, model_dir):
    (model_dir / champion.name / "outcomes.safetensors").unlink()
    for ad in Ad.objects.all():
        Ad.objects.filter(pk=ad.pk).update(title=ad.title.split()[0])
    is_stopped(champion, model_dir, "worse_by_record")


def test_a_champion_whose_folder_is_gone_does_not_stop_training(champion, model_dir):
    shutil.rmtree(model_dir / champion.name)
    version, _, refusal = retrain()
    assert refusal is None
    assert version.status == "active"


def test_a_first_model_is_promoted_and_a_useless_one_is_said_to_be(site):
    relabel(Ad.objects.values_list("pk", flat=True))
    shuffled = list(Ad.objects.values_list("category_id", flat=True))
    random.Random(5).shuffle(shuffled)
    for ad, category in zip(Ad.objects.all(), shuffled, strict=True):
        Ad.objects.filter(pk=ad.pk).update(category_id=category)
    version, out, refusal = retrain()
    assert refusal is None
    assert version.status == "active"
    assert version.activations.get().reason == Reason.FIRST
    assert "The hold-out says that this model is useless" in out


def test_a_first_model_of_few_ads_is_said_to_be_untried(marketplace_tree):
    version, out, _ = retrain()
    assert version.status == "active"
    assert "ads alone: nobody knows yet how good it is." in out


@pytest.mark.parametrize("tolerance", [0.0, 1.0])
def test_the_tolerance_is_a_setting(champion, settings, tolerance):
    """Three quarters of the titles are cut: how much worse is too much is for the site to say."""
    settings.AD_AUTOCATEGORIZE = {**settings.AD_AUTOCATEGORIZE, "PROMOTION_TOLERANCE": tolerance}
    for ad in Ad.objects.all():
        if ad.pk % 4:
            Ad.objects.filter(pk=ad.pk).update(title=ad.title.split()[0])
    version, _, _ = retrain()
    assert version.status == ("refused" if tolerance == 0 else "active")
