"""Searches: what they leave out, and what moderators do while they run."""

import io
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ad_autocategorize.categories.label_weights import weigh_labels
from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import LabelIssue, SuggestionEvent
from ad_autocategorize.moderation.labels.review import Reviewer, accept, keep
from ad_autocategorize.moderation.search import label_issues
from ad_autocategorize.sources import get_source
from ad_autocategorize.versions import training_lock
from ad_autocategorize.versions.locking import SEARCH
from marketplace.models import Ad
from taxonomy.models import Category
from tests.moderation.conftest import find_mislabels

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.mark.parametrize("decide", [accept, keep])
def test_what_is_decided_while_a_search_runs_stays_decided(sofa_issue, moderators, monkeypatch, decide):
    judge = label_issues._judge

    def judge_slowly(*arguments):
        judged = judge(*arguments)
        decide(LabelIssue.objects.get(pk=sofa_issue.pk), Reviewer(moderators[0]))
        # Begun before the search, and done while it runs.
        LabelIssue.objects.update(decided_at=timezone.now() - timedelta(hours=1))
        return judged

    monkeypatch.setattr(label_issues, "_judge", judge_slowly)
    find_mislabels()
    issue = LabelIssue.objects.get(pk=sofa_issue.pk)
    assert issue.state == {accept: "relabelled", keep: "kept"}[decide]
    assert issue.decided_by == moderators[0]


def test_only_one_search_runs_at_a_time(mislabelled, model_dir):
    with training_lock(model_dir, SEARCH), pytest.raises(CommandError, match="Another search"):
        find_mislabels()
    assert "Open in the review queue: 2" in find_mislabels()


def test_ads_that_are_not_judged_are_counted(mislabelled):
    Ad.objects.filter(pk=Ad.objects.first().pk).update(title=" ")
    assert "Not judged: 1 ads, no title." in find_mislabels()


def test_titles_without_a_word_are_not_judged(mislabelled, marketplace_tree):
    seller = Ad.objects.first().seller
    motos = marketplace_tree.find(["Vehículos", "Motos"])
    Ad.objects.create(title="!!! *** !!!", category_id=motos, seller=seller, status=Ad.Status.PUBLISHED)
    out = find_mislabels()
    assert "Judged 92 ads;" in out
    assert "Not judged: 1 ads, nothing left of the title." in out


def test_what_is_settled_takes_no_place_in_a_limited_queue(queue, moderators):
    first, second = sorted(queue.values(), key=lambda issue: -issue.priority)
    keep(first, Reviewer(moderators[0]))
    assert "Settled by a moderator before: 1" in find_mislabels("--limit", "1")
    assert LabelIssue.objects.get(state="open").ad_id == second.ad_id
    # It is asked about again once its title has changed.
    Ad.objects.filter(pk=first.ad_id).update(title="sillon sofa futon")
    find_mislabels("--limit", "2")
    assert LabelIssue.objects.filter(state="open").count() == 2


def test_a_limit_opens_no_more_and_throws_nothing_away(queue):
    assert len(queue) > 1
    versions = dict(LabelIssue.objects.values_list("ad_id", "version"))
    find_mislabels("--limit", "1")
    assert dict(LabelIssue.objects.filter(state="open").values_list("ad_id", "version")) == versions
    # What is no longer doubted leaves all the same.
    last = LabelIssue.objects.order_by("priority").first()
    Ad.objects.filter(pk=last.ad_id).update(category=last.suggested_id)
    find_mislabels("--limit", "1")
    assert not LabelIssue.objects.filter(pk=last.pk).exists()
    LabelIssue.objects.all().delete()
    find_mislabels("--limit", "1")
    assert LabelIssue.objects.count() == 1


def test_a_log_is_told_at_once_and_of_each_stage(mislabelled):
    log = io.StringIO()
    call_command("find_mislabels", stdout=io.StringIO(), stderr=log)
    lines = log.getvalue().splitlines()
    assert lines[0].endswith("s  reading ads")
    assert any(line.endswith("folds: 4 of 4") for line in lines)
    assert "\r" not in log.getvalue()
    silent = io.StringIO()
    call_command("find_mislabels", verbosity=0, stdout=io.StringIO(), stderr=silent)
    assert silent.getvalue() == ""


def test_an_ad_is_sent_to_the_active_one_of_two_alike_categories(mislabelled, marketplace_tree):
    sofa = mislabelled["sillon sofa modelo 3"]
    sofas = Ad.objects.filter(category=marketplace_tree.find(["Hogar", "Muebles", "Sillones"]))
    old = Category.objects.create(name="Sofás", parent=Category.objects.get(name="Muebles"))
    moved = list(sofas.order_by("title", "pk").values_list("pk", flat=True)[::2])
    Ad.objects.filter(pk__in=moved).update(category=old)
    find_mislabels()
    assert LabelIssue.objects.get(ad_id=str(sofa.pk)).suggested_id == old.pk
    Category.objects.filter(pk=old.pk).update(is_active=False)
    find_mislabels()
    assert LabelIssue.objects.get(ad_id=str(sofa.pk)).suggested_id == sofas.first().category_id


@pytest.fixture
def flood(marketplace_tree, django_user_model):
    """Many sellers file rightly; the ads of one who files thirty sofas as motorbikes."""
    many = [django_user_model.objects.create(username=f"seller{number}") for number in range(30)]
    for number, ad in enumerate(Ad.objects.order_by("pk")):
        Ad.objects.filter(pk=ad.pk).update(seller=many[number % 30])
    shop = django_user_model.objects.create(username="shop")
    motos = marketplace_tree.find(["Vehículos", "Motos"])
    ads = [
        Ad(title=f"sillon sofa tienda norte {number // 6}", category_id=motos, seller=shop, status=Ad.Status.PUBLISHED)
        for number in range(30)
    ]
    return {str(ad.pk) for ad in Ad.objects.bulk_create(ads)}


def test_a_seller_who_floods_a_category_is_found_out(flood, marketplace_tree):
    find_mislabels()
    issues = LabelIssue.objects.filter(ad_id__in=flood)
    sofas = marketplace_tree.find(["Hogar", "Muebles", "Sillones"])
    assert {(issue.suggested_id, issue.kind) for issue in issues} == {(sofas, "error")}
    assert len(issues) == 30
    # His other copies are shown, but that they agree with him says nothing.
    assert any(set(issue.neighbors) & flood for issue in issues)
    assert not any(issue.agreement for issue in issues)


def test_without_a_cap_on_sellers_each_ad_is_judged_alone(flood, settings):
    setattr(settings, SETTING, {**getattr(settings, SETTING), "ADS_PER_SELLER": None})
    find_mislabels()
    assert not LabelIssue.objects.filter(ad_id__in=flood).exists()


def test_labels_weigh_in_the_search_what_they_weigh_in_training(mislabelled):
    find_mislabels()
    before = dict(LabelIssue.objects.values_list("ad_id", "given_probability"))
    find_mislabels()
    assert dict(LabelIssue.objects.values_list("ad_id", "given_probability")) == before
    values = {"handling": "taken", "outcome": "accepted", "rank": 1, "from_form": True, "shown": 3}
    for ad in Ad.objects.filter(category=mislabelled["sillon sofa modelo 3"].category):
        SuggestionEvent.objects.create(model_version="titles-x", ad_id=str(ad.pk), **values)
    find_mislabels()
    after = dict(LabelIssue.objects.values_list("ad_id", "given_probability"))
    assert after.keys() == before.keys()
    assert all(after[key] != before[key] for key in after)


def test_an_ad_that_a_moderator_filed_is_no_longer_his_sellers_word(sofa_issue, moderators):
    keep(sofa_issue, Reviewer(moderators[0]))
    ads = list(get_source().iter_titles())
    labellers = dict(zip([str(ad.ad_id) for ad in ads], weigh_labels(ads).labellers, strict=True))
    assert labellers.pop(sofa_issue.ad_id) == ""
    assert set(labellers.values()) == {ads[0].seller}


def test_photos_without_a_model_in_service_are_said_to_say_nothing(mislabelled, capsys):
    find_mislabels("--photos")
    assert "retrain_cnn" in capsys.readouterr().err


WITHOUT_PHOTOS = """
import sys, django
for name in ("PIL", "onnxruntime", "torch"):
    sys.modules[name] = None
django.setup()
import ad_autocategorize.management.commands.find_mislabels, ad_autocategorize.moderation.queue.admin
print("fine")
"""


def test_a_search_of_titles_alone_needs_none_of_the_libraries_for_photos():
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_PHOTOS], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "fine"
