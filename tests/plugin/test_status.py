"""Whether new ads still look like those of the hold-out, and whether sellers take suggestions as they did."""

import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from ad_autocategorize.models import ModelVersion, SuggestionEvent
from ad_autocategorize.statistics.stability import stability_index
from marketplace.models import Ad

pytestmark = pytest.mark.django_db


def status():
    out = io.StringIO()
    call_command("autocategorize_status", stdout=out)
    return out.getvalue()


def publish(tree, titles, path):
    """Ads of tomorrow and later: a version's own day may have been learned from."""
    ad = Ad.objects.first()
    later = timezone.now() + timedelta(days=2)
    for title in titles:
        new = Ad.objects.create(title=title, category_id=tree.find(path), seller=ad.seller, status=Ad.Status.PUBLISHED)
        Ad.objects.filter(pk=new.pk).update(created_at=later)


def test_the_index_is_nothing_for_the_same_and_grows_with_the_change():
    assert stability_index([10, 20, 30], [10, 20, 30]) == 0
    # By hand: (0.75 - 0.25) ln 3, and the same again for the other bin, but for the half ads that are added.
    assert stability_index([250, 750], [750, 250]) == pytest.approx(2 * 0.5 * 1.0986, abs=0.01)
    assert 0 < stability_index([100, 0], [100, 1]) < 0.1


def test_it_says_that_there_are_too_few_ads(trained):
    assert "too few to tell" in status()


def test_ads_like_before_are_steady_and_others_are_not(trained):
    old = list(Ad.objects.order_by("pk").values_list("title", "category_id"))
    for title, category_id in [*old, *old]:
        publish(trained, [title], trained.path_names(category_id))
    said = status()
    assert "180 ads since it was trained" in said
    assert "main categories: steady" in said
    # The same titles again are told a little more surely than those of the hold-out.
    assert "confidence: moved far" not in said
    assert "train anew" not in said
    publish(trained, [f"dron cuadricóptero {number}" for number in range(300)], ("Hogar", "Cocina"))
    said = status()
    assert "main categories: moved far, train anew" in said
    assert "confidence: moved far" in said
    assert "train anew if that grows" in said


def test_a_model_of_before_says_nothing_of_its_hold_out(trained):
    version = ModelVersion.objects.get()
    del version.metrics["profile"]
    version.save()
    assert "too few to tell" in status()


def test_falling_acceptance_is_told(trained):
    def told(accepted, count, days):
        outcome = SuggestionEvent.Outcome
        when = timezone.now() - timedelta(days=days)
        for number in range(count):
            taken = number < accepted
            event = SuggestionEvent.objects.create(
                model_version="m", outcome=outcome.ACCEPTED if taken else outcome.OVERRULED, rank=1 if taken else None,
                from_form=True,
            )  # fmt: skip
            SuggestionEvent.objects.filter(pk=event.pk).update(created_at=when)

    told(90, 100, 40)
    assert "It has fallen" not in status()
    told(85, 100, 3)
    assert "85 % of 100; in the four before: 90 % of 100." in status()
    told(10, 60, 3)
    assert "It has fallen" in status()
