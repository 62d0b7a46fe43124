"""The feedback page and the purge."""

import io
import re
import uuid
from datetime import datetime, time, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count, Q
from django.db.models.functions import TruncWeek
from django.utils import timezone

from ad_autocategorize.models import ReviewDecision, SuggestionEvent
from ad_autocategorize.moderation.feedback import figures
from ad_autocategorize.moderation.labels.review import Reviewer, accept, choose, keep, undo
from ad_autocategorize.statistics.intervals import Interval
from ad_autocategorize.statistics.proportions import Difference, Proportion
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
        told = {"model_version": version, "ad_id": str(ad.pk), "rank": rank, "outcome": outcome}
        event = SuggestionEvent.objects.create(**told, category=ad.category, from_form=True)
        SuggestionEvent.objects.filter(pk=event.pk).update(created_at=timezone.now() - timedelta(days=days))
    return rows


def shares(rows):
    return [(row.name, row.at_1.whole, row.at_1.share, row.at_3.share) for row in rows]


def test_acceptance_at_one_and_three(events):
    assert shares(figures.totals())[0][1:] == (4, 0.25, 0.5)
    assert shares(figures.by_version()) == [("titles-b", 2, 0.0, 0.0), ("titles-a", 2, 0.5, 1.0)]
    assert {row.name: row.at_3.share for row in figures.by_branch()} == {"Vehículos": 1.0, "Hogar": 0.0}


def test_an_event_keeps_its_branch_when_its_ad_has_moved_or_gone(marketplace_tree):
    ad, kitchen = (
        Ad.objects.filter(category=marketplace_tree.find(["Vehículos"])).first(),
        marketplace_tree.find(["Hogar", "Cocina"]),
    )
    event = {"model_version": "titles-a", "outcome": "accepted", "rank": 1, "from_form": True}
    SuggestionEvent.objects.create(**event, ad_id=str(ad.pk), category_id=kitchen)
    SuggestionEvent.objects.create(**event, ad_id="99999", category_id=kitchen)
    SuggestionEvent.objects.create(**event, ad_id="99999")
    assert [(row.name, row.at_1.whole) for row in figures.by_branch()] == [("Hogar", 2)]


def test_the_page_says_that_of_the_main_categories_the_newest_events_alone_are_counted(
    events, admin_client, monkeypatch
):
    monkeypatch.setattr(figures, "BRANCH_SAMPLE", 2)
    assert [(row.name, row.at_1.whole) for row in figures.by_branch()] == [("Hogar", 2)]
    admin_client.get("/")
    html = admin_client.get(PAGE).content.decode()
    assert "Por categoría principal, los 2 eventos más recientes" in html
    assert '<th scope="col">eventos</th>' in html
    assert '<th scope="col">avisos</th>' not in html


def test_what_anybody_may_tell_the_api_stands_apart(events):
    event = {"model_version": "titles-b", "outcome": "accepted", "rank": 1}
    before = shares(figures.by_version())
    SuggestionEvent.objects.create(**event, from_form=False)
    assert [row[1:] for row in shares(figures.totals())] == [(4, 0.25, 0.5), (1, 1.0, 1.0)]
    assert shares(figures.by_version()) == before
    SuggestionEvent.objects.filter(from_form=False).delete()
    assert len(figures.totals()) == 1


def test_of_a_site_that_trains_every_night_the_newest_versions_are_shown(events, admin_client):
    for day in range(30):
        SuggestionEvent.objects.create(model_version=f"titles-c{day:02}", outcome="overruled", from_form=True)
    found = [row.name for row in figures.by_version()]
    assert found == [f"titles-c{day}" for day in range(29, 29 - figures.VERSIONS, -1)]
    assert not re.search(r"\btitles-a\b", admin_client.get(PAGE).content.decode())


def test_the_page_draws_the_weeks_and_sets_blind_decisions_apart(events, queue, moderators, admin_client):
    first, second = list(queue.values())[:2]
    accept(first, Reviewer(moderators[0]))
    assert figures.leading(figures.reviews()) is None
    choose(second, second.given_id, Reviewer(moderators[0], blind=True))
    shown, blind = figures.reviews()
    assert (shown.accepted, shown.probability) == (Proportion(1, 1), pytest.approx(first.suggested_probability))
    assert (blind.kept, blind.accepted) == (Proportion(1, 1), Proportion(0, 1))
    html = admin_client.get(PAGE).content.decode()
    assert '<svg class="chart"' in html
    assert re.search(r"\btitles-a\b", html)
    assert "100 puntos porcentuales (intervalo de confianza del 95 %: -12 a 100)" in html
    assert "Puede ser azar" in html


@pytest.mark.parametrize("zone", ["America/Argentina/Buenos_Aires", "America/Santiago", "Asia/Beirut", "UTC"])
def test_weeks_begin_on_monday_by_the_readers_clock(db, zone):
    # Clocks change at midnight in Santiago and Beirut: some days begin at one.
    with timezone.override(zone):
        today = timezone.localdate()
        for days in range(190):
            midnight = timezone.make_aware(datetime.combine(today - timedelta(days=days), time.min))
            for minutes, rank in ((-1, None), (0, 1), (61, 2)):
                outcome = SuggestionEvent.outcome_of(rank)
                event = SuggestionEvent.objects.create(
                    model_version="titles-a", rank=rank, outcome=outcome, from_form=True
                )
                moment = min(midnight + timedelta(minutes=minutes), timezone.now())
                SuggestionEvent.objects.filter(pk=event.pk).update(created_at=moment)
        newest = timezone.now() - timedelta(weeks=figures.WEEKS)
        events = SuggestionEvent.objects.filter(created_at__gte=newest).annotate(week=TruncWeek("created_at"))
        counted = (
            events.values("week")
            .order_by("week")
            .annotate(whole=Count("pk"), first=Count("pk", filter=Q(rank=1)), three=Count("pk", filter=Q(rank__lte=3)))
        )
        expected = [(row["week"].date(), row["first"], row["three"], row["whole"]) for row in counted]
        found = [(monday, row.at_1.part, row.at_3.part, row.at_3.whole) for monday, row in figures.by_week()]
    assert found == expected
    assert len(found) == figures.WEEKS + 1


def decided(count, action, blind, **values):
    fields = {"moderator_name": "eva", "suggested_probability": 0.9, "model": "m", **values}
    rows = [
        ReviewDecision(ad_id=f"{action}{blind}{number}", action=action, blind=blind, **fields)
        for number in range(count)
    ]
    ReviewDecision.objects.bulk_create(rows)


def test_enough_decisions_tell_how_far_a_suggestion_leads(admin_client, db):
    for count, action, blind in (
        (180, "accepted", False),
        (20, "kept", False),
        (60, "accepted", True),
        (40, "kept", True),
    ):
        decided(count, action, blind)
    # What no model suggested, and what was decided in bulk.
    decided(500, "corrected", False, model="")
    decided(500, "accepted", False, batch=uuid.uuid4())
    lead = figures.leading(figures.reviews())
    assert (lead.percent, lead.may_be_chance) == (30, False)
    admin_client.get("/")
    html = admin_client.get(PAGE).content.decode()
    assert "30 puntos porcentuales" in html
    assert "Puede ser azar" not in html


def test_a_decision_after_an_undone_one_is_not_blind_any_more(queue, moderators):
    first, second = list(queue.values())[:2]
    blind = Reviewer(moderators[0], blind=True)
    undo(keep(first, blind), blind)
    first.refresh_from_db()
    accept(first, blind)
    keep(second, blind)
    assert [row.kept for row in figures.reviews()] == [Proportion(1, 1)]


def test_the_page_of_a_new_site_and_without_permission(admin_client, client, db, django_user_model):
    assert admin_client.get(PAGE).status_code == 200
    client.force_login(django_user_model.objects.create_user("staff", is_staff=True))
    assert client.get(PAGE).status_code == 403


def test_intervals_are_those_of_the_literature():
    # Newcombe (1998), Statistics in Medicine 17, 857-872 and 873-890, tables of examples.
    assert Proportion(81, 263).interval == approximately(0.2553, 0.3662)
    assert Proportion(0, 20).interval == approximately(0.0, 0.1611)
    assert Proportion(1, 29).interval == approximately(0.0061, 0.1718)
    assert Difference(Proportion(56, 70), Proportion(48, 80)).interval == approximately(0.0524, 0.3339)
    assert Difference(Proportion(9, 10), Proportion(3, 10)).interval == approximately(0.1705, 0.8090)
    assert Difference(Proportion(5, 56), Proportion(0, 29)).interval == approximately(-0.0381, 0.1926)
    assert Proportion(0, 0).interval == Interval(0.0, 1.0)


def approximately(low, high):
    return Interval(pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_old_events_are_purged(events):
    out = io.StringIO()
    call_command("purge_suggestion_events", "--days", "20", stdout=out)
    assert SuggestionEvent.objects.count() == 3
    call_command("purge_suggestion_events", stdout=out)
    assert SuggestionEvent.objects.count() == 3
    call_command("purge_suggestion_events", "--days", "0", stdout=out)
    assert not SuggestionEvent.objects.exists()


@pytest.mark.parametrize("days", ["-1", "9" * 20, "many"])
def test_a_number_of_days_that_is_none_deletes_nothing(events, days):
    with pytest.raises(CommandError, match="days"):
        call_command("purge_suggestion_events", f"--days={days}")
    assert SuggestionEvent.objects.count() == len(events)
