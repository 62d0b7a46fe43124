"""The pages of the model versions: read, compared, and one chosen after a question."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from ad_autocategorize.models import ModelActivation, ModelVersion, TrainingLock
from tests.versions.test_gate import retrain

pytestmark = pytest.mark.django_db
LIST = "/admin/ad_autocategorize/modelversion/"
ENGLISH = {"accept-language": "en"}


@pytest.fixture
def keeper(client, django_user_model):
    """A staff user who may look at the versions and choose one, and nothing else."""
    user = django_user_model.objects.create_user("kim", is_staff=True)
    names = ["view_modelversion", "activate_modelversion", "view_modelactivation"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    return user


def page(client, address, data=None):
    response = client.get(address, data, headers=ENGLISH)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


def follow(client, address, data):
    return client.post(address, data, headers=ENGLISH, follow=True).content.decode()


@pytest.fixture
def two(champion):
    """The version in service, and the one before it."""
    return retrain()[0], champion


def photos(name, **fields):
    """A version of the photo network, as training records it."""
    heads = {"brand": {"accuracy": 0.9, "support": 200}, "year": {"accuracy": 0.7, "support": 150}}
    metrics = {"ads": 210, "all_known_heads_right": 0.8, "heads": heads}
    return ModelVersion.objects.create(
        kind="photos", name=name, taxonomy_version=0, ad_count=900, metrics=metrics, **fields
    )


def test_the_list_says_what_serves_since_when_and_how_good_it_is(client, keeper, two):
    photos("photos-1").activate()
    html = page(client, LIST)
    active, _ = two
    right = active.metrics
    interval = f"({round(100 * right['path_low'])}–{round(100 * right['path_high'])})"
    assert f"whole path: {round(100 * right['path_accuracy'])} % {interval}" in html
    assert "all known fields: 80 % (74–85)" in html
    # Words and figures, and none of what the columns hold.
    assert "path_accuracy" not in html
    assert "retired" in html


def test_a_training_under_way_is_shown(client, keeper):
    now = timezone.now()
    fields = {"host": "trainer", "process": 1, "token": "x", "acquired_at": now, "progress": "training 3/10"}
    TrainingLock.objects.create(name="titles", expires_at=now + timedelta(minutes=1), **fields)
    TrainingLock.objects.create(name="photos", expires_at=now, **{**fields, "host": "gone"})
    html = page(client, LIST)
    assert "A training is running on trainer since" in html
    assert "training 3/10" in html
    assert "gone" not in html


def test_a_version_is_told_in_words(client, keeper, two):
    active, before = two
    html = page(client, f"{LIST}{active.pk}/change/")
    for text in (
        "In service since",
        "whole path",
        "Compared on ads that neither had learned from: 198 that both had set aside",
        "The same ads, with the same labels, as its champion.",
        '<th scope="row">Hogar</th><td>200</td>',
        "features: words",
        "scikit-learn",
        "promoted: not worse than the version before",
        "Hold-out: trained on 402 ads, tested on 198.",
        before.name,
    ):
        assert text in html, text
    assert "path_accuracy" not in html
    assert "<strong>Candidate</strong>" in page(client, f"{LIST}{photos('photos-1').pk}/change/")


def test_a_refused_version_says_why(client, keeper, champion):
    version, _, _ = retrain("--limit", "48")
    html = page(client, f"{LIST}{version.pk}/change/")
    assert "What speaks against it" in html
    assert "There are 48 ads to learn from, fewer than half of the champion&#x27;s 600" in html
    assert "There are 48 ads to learn from" in page(client, f"{LIST}{version.pk}/activate/")


def test_photo_versions_show_figures_and_car_fields_by_name(client, keeper):
    first = photos("photos-1", counts=[{"key": "year", "name": "year", "ads": 700}])
    reason = {"code": "emptied", "name": "year", "before": 700, "now": 3}
    refused = photos("photos-2", parent=first, is_refused=True, verdict={"reasons": [reason]})
    assert "“Year” has 3 ads left of 700" in page(client, f"{LIST}{refused.pk}/change/")
    html = page(client, f"{LIST}{first.pk}/change/")
    assert '<th scope="row">Year</th><td>700</td>' in html
    assert '<th scope="row">Brand</th>' in html


def test_two_versions_are_compared(client, keeper, two):
    active, before = two
    chosen = client.post(LIST, {"action": "compare", "_selected_action": [active.pk, before.pk]})
    assert chosen.headers["location"] == f"{LIST}compare/?first={before.pk}&second={active.pk}"
    html = page(client, chosen.headers["location"])
    assert '<th scope="row">whole path</th><td>198</td>' in html
    assert "0.0 (-1.4 … 1.4) may be chance" in html
    assert f'<option value="{before.pk}" selected>' in html
    assert "Settings that differ" not in html


def test_what_cannot_be_compared_is_explained(client, keeper, champion):
    other = photos("photos-1")
    for second in (champion.pk, other.pk):
        html = page(client, f"{LIST}compare/", {"first": champion.pk, "second": second})
        assert "Choose two versions of the same kind, source and language." in html
    for first in ("", "x", "9" * 40, "0"):
        assert "<select" in page(client, f"{LIST}compare/", {"first": first, "second": champion.pk})
    assert "Select two versions." in follow(client, LIST, {"action": "compare", "_selected_action": [champion.pk]})


def test_an_activation_is_asked_about_and_recorded(client, keeper, two):
    active, before = two
    asked = client.post(LIST, {"action": "activate", "_selected_action": [before.pk]})
    assert asked.headers["location"] == f"{LIST}{before.pk}/activate/"
    html = page(client, asked.headers["location"])
    assert "Put this version into service?" in html
    assert ModelVersion.objects.get(is_active=True) == active
    answer = {"current": active.name, "target": before.name, "note": "a trial"}
    said = follow(client, asked.headers["location"], answer)
    # The admin begins messages with a capital.
    assert f"{before.name[1:]} is in service now." in said
    row = ModelActivation.objects.first()
    assert (row.name, row.by, row.origin, row.reason, row.note) == (before.name, keeper, "user", "chosen", "a trial")
    assert "a trial" in page(client, "/admin/ad_autocategorize/modelactivation/")
    assert "is in service already." in follow(client, asked.headers["location"], answer)


def test_a_rollback_is_asked_about_and_recorded(client, keeper, two):
    active, before = two
    address = f"{LIST}{active.pk}/rollback/"
    assert address in page(client, f"{LIST}{active.pk}/change/")
    assert before.name in page(client, address)
    follow(client, address, {"current": active.name, "target": before.name})
    assert ModelVersion.objects.get(is_active=True) == before
    assert ModelActivation.objects.first().reason == "rollback"
    assert "is not in service." in follow(client, address, {})
    assert "There is no earlier version to go back to." in follow(client, f"{LIST}{before.pk}/rollback/", {})


def test_an_answer_to_an_old_question_does_nothing(client, keeper, two):
    active, before = two
    third = retrain()[0]
    answer = {"current": active.name, "target": before.name}
    assert "Another version has been put into service meanwhile" in follow(
        client, f"{LIST}{before.pk}/activate/", answer
    )
    assert ModelVersion.objects.get(is_active=True) == third
    assert "This version is gone" in follow(client, f"{LIST}987654/activate/", answer)


def test_looking_is_not_choosing(client, django_user_model, two):
    active, before = two
    user = django_user_model.objects.create_user("eva", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_modelversion"))
    client.force_login(user)
    html = page(client, f"{LIST}{before.pk}/change/")
    assert "activate/" not in html
    for address in (f"{LIST}{before.pk}/activate/", f"{LIST}{active.pk}/rollback/"):
        assert client.post(address, {"current": active.name, "target": before.name}).status_code == 403
    client.post(LIST, {"action": "activate", "_selected_action": [before.pk]})
    assert ModelVersion.objects.get(is_active=True) == active
    assert client.get("/admin/ad_autocategorize/modelactivation/").status_code == 403
