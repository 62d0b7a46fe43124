"""How much labels count: echoes less, corrections and moderators' decisions more, and no seller too much."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from ad_autocategorize.artifacts import read_manifest
from ad_autocategorize.categories.corpus import read_marketplace
from ad_autocategorize.categories.label_weights import _Decided, weigh_labels
from ad_autocategorize.conf import SETTING, plugin_settings
from ad_autocategorize.models import ModelVersion, SuggestionEvent
from ad_autocategorize.moderation.labels.review import Reviewer, accept, undo
from ad_autocategorize.moderation.tree.merging import merge
from ad_autocategorize.sources import get_source
from marketplace.models import Ad
from taxonomy.tree import CategoryTree

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def weights():
    ads = list(get_source().iter_titles())
    return dict(zip([ad.ad_id for ad in ads], weigh_labels(ads).weights, strict=True))


def tell(ad, handling, outcome, from_form=True, category_id=None):
    rank = 1 if outcome == "accepted" else None
    values = {"handling": handling, "outcome": outcome, "rank": rank, "from_form": from_form, "shown": 3}
    values["category_id"] = category_id
    SuggestionEvent.objects.create(model_version="titles-x", ad_id=str(ad.pk), **values)


@pytest.mark.parametrize(
    ("handling", "outcome", "from_form", "weight"),
    [
        ("taken", "accepted", True, 0.75),
        ("changed", "accepted", True, 1.1),
        ("changed", "overruled", True, 1.1),
        ("ignored", "overruled", True, 1.1),
        ("ignored", "accepted", True, 1.0),
        # Anybody may call the API about any ad.
        ("taken", "accepted", False, 1.0),
        ("changed", "overruled", False, 1.0),
    ],
)
def test_what_became_of_the_suggestions_weighs_the_label(marketplace_tree, handling, outcome, from_form, weight):
    first, *others = Ad.objects.order_by("pk")
    tell(first, handling, outcome, from_form)
    found = weights()
    assert found.pop(first.pk) == weight
    assert set(found.values()) == {1.0}
    assert len(found) == len(others)


def test_the_last_form_counts(marketplace_tree):
    ad = Ad.objects.first()
    tell(ad, "taken", "accepted")
    tell(ad, "ignored", "overruled")
    assert weights()[ad.pk] == 1.1


def test_an_ad_that_was_edited_and_stayed_where_it_was_is_the_echo_that_it_was(marketplace_tree):
    ad = Ad.objects.first()
    tell(ad, "taken", "accepted")
    tell(ad, "held", "overruled")
    assert weights()[ad.pk] == 0.75


def test_an_ad_filed_elsewhere_after_its_suggestion_was_taken_is_no_echo_any_more(marketplace_tree):
    """The seller comes back to a wrong category that he had taken, and finds the right one with no suggestion before him."""
    ad, unmoved = Ad.objects.order_by("pk")[:2]
    for each in (ad, unmoved):
        tell(each, "taken", "accepted", category_id=each.category_id)
    assert weights()[ad.pk] == 0.75
    Ad.objects.filter(pk=ad.pk).update(category=marketplace_tree.find(["Hogar", "Cocina"]))
    assert (weights()[ad.pk], weights()[unmoved.pk]) == (1.1, 0.75)


def test_a_merge_is_no_decision_about_its_ads(sofa_issue, moderators, marketplace_tree):
    sofas, tables = (marketplace_tree.find(["Hogar", "Muebles", name]) for name in ("Sillones", "Mesas"))
    accept(sofa_issue, Reviewer(moderators[0]))
    echo, plain, corrected = Ad.objects.filter(category_id=sofas).exclude(pk=sofa_issue.ad_id)[:3]
    tell(echo, "taken", "accepted", category_id=sofas)
    tell(corrected, "changed", "overruled", category_id=sofas)
    merge(sofas, tables, Reviewer(moderators[0]))
    assert Ad.objects.get(pk=plain.pk).category_id == tables
    found = weights()
    assert [found[pk] for pk in (echo.pk, plain.pk, corrected.pk)] == [0.75, 1.0, 1.1]
    # Looked at by a moderator before.
    assert found[int(sofa_issue.ad_id)] == 1.5
    # Taken from the merged category, where the form showed it: an echo again.
    tell(plain, "taken", "accepted", category_id=tables)
    assert weights()[plain.pk] == 0.75


def test_a_moderators_decision_counts_most_while_it_stands(sofa_issue, moderators):
    ad = Ad.objects.get(pk=sofa_issue.ad_id)
    tell(ad, "taken", "accepted")
    assert weights()[ad.pk] == 0.75
    decision = accept(sofa_issue, Reviewer(moderators[0]))
    assert weights()[ad.pk] == 1.5
    undo(decision, Reviewer(moderators[0]))
    assert weights()[ad.pk] == 0.75


def test_a_decision_says_nothing_of_where_the_seller_moved_the_ad_since(sofa_issue, moderators):
    accept(sofa_issue, Reviewer(moderators[0]))
    ad = Ad.objects.get(pk=sofa_issue.ad_id)
    ad.category_id = CategoryTree.load().find(["Hogar", "Cocina"])
    ad.save()
    assert weights()[ad.pk] == 1.0


def test_a_sellers_ads_in_a_category_weigh_no_more_than_the_cap(marketplace_tree, settings, django_user_model, capsys):
    other = django_user_model.objects.create_user("otra")
    sofas = Ad.objects.filter(category=marketplace_tree.find(["Hogar", "Muebles", "Sillones"]))
    theirs = list(sofas.values_list("pk", flat=True)[:3])
    Ad.objects.filter(pk__in=theirs).update(seller=other)
    setattr(settings, SETTING, {**getattr(settings, SETTING), "ADS_PER_SELLER": 6})
    found = weights()
    # Ana has 12 of the 15 sofas, and every other category to herself.
    assert [found[pk] for pk in theirs] == [1.0] * 3
    assert {round(found[ad.pk], 6) for ad in sofas.exclude(seller=other)} == {0.5}
    assert sum(found.values()) == pytest.approx(3 + 6 + 75)
    call_command("retrain_classifiers")
    assert "ADS_PER_SELLER in a category: 12 ads" in capsys.readouterr().out
    setattr(settings, SETTING, {**getattr(settings, SETTING), "ADS_PER_SELLER": None})
    assert set(weights().values()) == {1.0}


def test_what_a_moderator_filed_is_not_under_its_sellers_cap(sofa_issue, moderators, settings, django_user_model):
    decision = accept(sofa_issue, Reviewer(moderators[0]))
    ad = Ad.objects.get(pk=sofa_issue.ad_id)
    beside = Ad.objects.filter(category_id=decision.to_category_id).exclude(pk=ad.pk)
    Ad.objects.filter(pk=beside.first().pk).update(seller=django_user_model.objects.create_user("otra"))
    setattr(settings, SETTING, {**getattr(settings, SETTING), "ADS_PER_SELLER": 2})
    found = weights()
    assert found[ad.pk] == 1.5
    assert min(found[other.pk] for other in beside) < 0.5


def test_the_number_of_queries_does_not_grow_with_the_ads(marketplace_tree, django_assert_num_queries):
    ads = list(get_source().iter_titles())
    for ad in Ad.objects.all()[:40]:
        tell(ad, "taken", "accepted")
    with django_assert_num_queries(2):
        weigh_labels(ads)


def test_training_and_evaluation_heed_them(marketplace_tree, capsys):
    call_command("retrain_classifiers", "--seed", "5")
    before = ModelVersion.objects.get()
    for ad in Ad.objects.all()[:20]:
        tell(ad, "taken", "accepted")
    call_command("retrain_classifiers", "--seed", "5")
    assert ModelVersion.objects.exclude(pk=before.pk).get().digest != before.digest
    out = capsys.readouterr().out
    assert "Labels that are echoed: 20 ads" in out
    assert "plain" not in out
    assert "ADS_PER_SELLER" not in out
    corpus = read_marketplace(get_source())
    assert sorted(set(corpus.weights)) == [0.75, 1.0]
    assert corpus.take([0, 1]).weights == corpus.weights[:2]


def test_labels_that_all_count_the_same_change_nothing(marketplace_tree):
    call_command("retrain_classifiers", "--seed", "5")
    for ad in Ad.objects.all():
        tell(ad, "taken", "accepted")
    call_command("retrain_classifiers", "--seed", "5")
    manifests = [
        read_manifest(plugin_settings.model_dir / name, kind="titles")
        for name in ModelVersion.objects.values_list("name", flat=True)
    ]
    assert len(manifests) == 2
    assert len({manifest["sha256"] for manifest in manifests}) == 1


def test_of_the_merges_only_those_after_an_ad_was_filed_have_moved_it():
    """An ad that was filed at the very moment of a merge, or later, is where its form says."""
    moment = timezone.now()
    decided = _Decided({}, {"7": [(moment, 1, 2), (moment + timedelta(days=1), 2, 3)]})
    assert decided.follow("7", 1, moment - timedelta(seconds=1)) == 3
    assert decided.follow("7", 1, moment) == 1
    assert decided.follow("7", 2, moment) == 3
    assert decided.follow("7", 2, moment + timedelta(days=1)) == 2
    assert decided.follow("8", 1, moment - timedelta(days=1)) == 1
