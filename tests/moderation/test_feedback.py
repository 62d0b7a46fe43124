"""The feedback page and the purge."""

import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from ad_autocategorize.events import SuggestionEvent
from ad_autocategorize.moderation import feedback
from ad_autocategorize.moderation.review import Reviewer, accept, choose
from marketplace.models import Ad

pytestmark = [pytest.mark.django_db, pytest.mark.database]

PAGE = "/admin/ad_autocategorize/suggestionevent/feedback/"


@pytest.fixture
def events(marketplace_tree):
    ads = {
        path: Ad.objects.filter(category=marketplace_tree.find(path)).first()
        for path in (("Vehículos",), ("Hogar", "Cocina"))
    }
    cars, kitchen = ads.values()
    rows = [
        ("titles-a", cars, 1, 0),
        ("titles-a", cars, 3, 0),
        ("titles-b", kitchen, None, 8),
        ("titles-b", kitchen, 4, 30),
    ]
    for version, ad, rank, days in rows:
        outcome = "accepted" if rank else "overruled"
        event = SuggestionEvent.objects.create(model_version=version, ad_id=str(ad.pk), rank=rank, outcome=outcome)
        SuggestionEvent.objects.filter(pk=event.pk).update(created_at=timezone.now() - timedelta(days=days))
    return rows


def test_acceptance_at_one_and_three(events):
    whole = feedback.total()
    assert (whole.count, whole.at_1, whole.at_3) == (4, 0.25, 0.5)
    assert [(row.name, row.count, row.at_1, row.at_3) for row in feedback.by_version()] == [
        ("titles-b", 2, 0.0, 0.0),
        ("titles-a", 2, 0.5, 1.0),
    ]
    assert {row.name: row.at_3 for row in feedback.by_branch()} == {"Vehículos": 1.0, "Hogar": 0.0}


def test_the_page_draws_the_weeks_and_sets_blind_decisions_apart(events, queue, moderators, admin_client):
    first, second = list(queue.values())[:2]
    accept(first, Reviewer(moderators[0]))
    choose(second, second.given_id, Reviewer(moderators[0], blind=True))
    shown, blind = feedback.reviews()
    assert (shown.count, shown.accepted) == (1, 1.0)
    assert (blind.count, blind.kept) == (1, 1.0)
    html = admin_client.get(PAGE).content.decode()
    assert "<svg" in html
    assert "titles-a" in html


def test_the_page_of_a_new_site_and_without_permission(admin_client, client, db, django_user_model):
    assert admin_client.get(PAGE).status_code == 200
    client.force_login(django_user_model.objects.create_user("staff", is_staff=True))
    assert client.get(PAGE).status_code == 403


def test_old_events_are_purged(events):
    out = io.StringIO()
    call_command("purge_suggestion_events", "--days", "20", stdout=out)
    assert SuggestionEvent.objects.count() == 3
    call_command("purge_suggestion_events", stdout=out)
    assert SuggestionEvent.objects.count() == 3
    call_command("purge_suggestion_events", "--days", "0", stdout=out)
    assert not SuggestionEvent.objects.exists()
