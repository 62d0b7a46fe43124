"""manage.py models: what operators and their scripts ask, and do."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ad_autocategorize.models import ModelActivation, ModelVersion, TrainingLock
from marketplace.models import Ad

pytestmark = pytest.mark.django_db


def models(*arguments):
    out = io.StringIO()
    call_command("models", *arguments, stdout=out)
    return out.getvalue()


def train(*options):
    call_command("retrain_classifiers", *options, stdout=io.StringIO())
    return ModelVersion.objects.first()


@pytest.fixture
def two(champion):
    """The version in service, and the one that served before it."""
    return train(), champion


def test_an_empty_site_is_told_what_to_do(db):
    assert "There are no versions yet" in models("list")
    assert "No version served then." in models("list", "--at", "2026-11-24T12:00")
    with pytest.raises(CommandError, match="nothing to roll back"):
        models("rollback")


def test_the_list_says_what_serves_since_when_and_how_good_it_is(two):
    head, first, second = models("list").splitlines()
    assert head.split()[:4] == ["name", "kind", "status", "ads"]
    assert "in service since" in head
    active, before = two
    figures = active.metrics
    assert first.split()[:5] == [active.name, "titles", "active", "600", f"{figures['path_accuracy']:.1%}"]
    assert f"{figures['path_low']:.1%} to {figures['path_high']:.1%}" in first
    assert f"{timezone.localtime(active.activated_at):%Y-%m-%d %H:%M}" in first
    assert second.split()[:3] == [before.name, "titles", "retired"]
    assert models("list", "--kind", "photos").count("titles-") == 0


def test_scripts_read_json(two):
    listed = json.loads(models("list", "--json"))
    assert [row["name"] for row in listed] == [version.name for version in two]
    assert listed[0]["figures"][0]["name"] == "path"
    shown = json.loads(models("show", two[0].name, "--json"))
    assert shown["history"][0]["reason"] == "promoted"
    assert shown["counts"][0]["ads"] == 200
    assert shown["settings"]["features"] == "words"
    assert "Hold-out: trained on" in shown["log"]


def test_who_answered_on_tuesday_at_noon(two):
    active, before = two
    moment = (before.activated_at + (active.activated_at - before.activated_at) / 2).isoformat()
    assert before.name in models("list", "--at", moment)
    assert json.loads(models("list", "--at", moment, "--json"))[0]["name"] == before.name
    assert active.name in models("list", "--at", (timezone.localtime() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"))
    # The version is deleted, the answer stays.
    before.delete()
    assert f"{before.name} (pruned since)" in models("list", "--at", moment)
    with pytest.raises(CommandError, match="--at"):
        models("list", "--at", "Tuesday")


def test_a_version_is_shown_in_words(two):
    active, before = two
    text = models("show", active.name)
    assert text.startswith(f"{active.name}: active\n")
    assert f"started from the command line, after {before.name}." in text
    assert "whole path" in text
    assert "Compared on ads that neither had learned from" in text
    assert "In service from" in text
    assert "scikit-learn" in text
    # A part of the name that is its own will do.
    assert models("show", active.name[-12:]) == text


def test_two_versions_are_compared_on_the_same_ads(two):
    active, before = two
    text = models("compare", before.name)
    assert f"A {active}, B {before}" in text
    assert "On 198 ads that both had set aside, whole path" in text
    assert "difference +0.0 points" in text
    assert "McNemar p = 1" in text
    assert models("compare", before.name, active.name).startswith(f"A {active}, B {before}")
    with pytest.raises(CommandError, match="nothing to compare it with"):
        models("compare", active.name)


def test_a_comparison_names_what_is_gained_and_lost(champion):
    Ad.objects.filter(category__name="Libros").update(status=Ad.Status.PENDING)
    version = train("--no-activate")
    text = models("compare", version.name)
    assert "Only A can answer: Ocio › Libros" in text
    assert "B can answer too" not in text
    assert "B can answer too: Ocio › Libros" in models("compare", champion.name, version.name)


def test_versions_that_answer_other_questions_are_not_compared(champion):
    photos = ModelVersion.objects.create(kind="photos", name="photos-1", taxonomy_version=0, ad_count=1)
    with pytest.raises(CommandError, match="answer different questions"):
        models("compare", photos.name, champion.name)


def test_an_older_version_is_activated_and_the_way_back_taken(two):
    active, before = two
    assert f"{before} is in service." in models("activate", before.name, "--note", "prices were missing")
    row = ModelActivation.objects.first()
    assert (row.name, row.reason, row.origin, row.note) == (before.name, "chosen", "command", "prices were missing")
    with pytest.raises(CommandError, match="in service already"):
        models("activate", before.name)
    assert f"{active} is in service again." in models("rollback", "--note", "it was not the prices")
    assert ModelVersion.objects.get(is_active=True) == active
    assert models("show", active.name).count("In service from") == 2


def test_a_refused_version_needs_force(champion):
    with pytest.raises(CommandError):
        train("--limit", "48")
    refused = ModelVersion.objects.first()
    with pytest.raises(CommandError, match=r"was refused\. There are 48 ads .* --force"):
        models("activate", refused.name)
    models("activate", refused.name, "--force")
    assert ModelActivation.objects.first().reason == "forced"


def test_a_rollback_says_which_models_there_are(two):
    photos = [
        ModelVersion.objects.create(kind="photos", name=f"photos-{number}", taxonomy_version=0, ad_count=1)
        for number in range(2)
    ]
    for version in photos:
        version.activate()
    with pytest.raises(CommandError, match="Say which models to roll back: --kind photos; --kind titles"):
        models("rollback")
    assert "photos-0 is in service again." in models("rollback", "--kind", "photos")
    assert ModelVersion.objects.get(kind="titles", is_active=True) == two[0]
    with pytest.raises(CommandError, match="No version served before this one"):
        models("rollback", "--kind", "photos")


def test_names_that_are_none_or_several_are_explained(two):
    with pytest.raises(CommandError, match="There is no version 'x'"):
        models("show", "x")
    with pytest.raises(CommandError, match="is a part of several names"):
        models("show", "titles-")


def test_old_versions_are_deleted_but_for_the_history(two, model_dir):
    active, before = two
    assert f"Deleted: {before}.\n1 versions deleted." in models("prune", "--keep", "1")
    assert not (model_dir / before.name).exists()
    assert ModelActivation.objects.filter(name=before.name).exists()
    assert ModelVersion.objects.get() == active
    now = timezone.now()
    TrainingLock.objects.create(
        name="titles", host="other", process=1, token="x", acquired_at=now, expires_at=now + timedelta(minutes=1)
    )
    with pytest.raises(CommandError, match="Another training is running"):
        models("prune")
