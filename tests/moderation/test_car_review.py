"""Decisions about car fields: what changes, what is recorded, and what two moderators cannot do to each other."""

import threading
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection, transaction
from django.utils import timezone

from ad_autocategorize.models import CarDecision, CarIssue, ImmutableRecordError, ModelVersion
from ad_autocategorize.moderation.cars.review import accept, choose, keep, reopen, undo
from ad_autocategorize.moderation.forgetting import FORGOTTEN
from ad_autocategorize.moderation.queue.deciding import ReviewConflict, Reviewer
from ad_autocategorize.moderation.search.car_issues import find_car_issues
from ad_autocategorize.sources import AdSource, SourceError, get_source
from marketplace.models import Ad
from taxonomy.car_catalog import upsert_cars
from taxonomy.models import CarModel, Color
from taxonomy.readers.cars import read_cars
from tests.moderation.cars import car_of, issue_of, search
from tests.moderation.conftest import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.usefixtures("spanish")]


@pytest.fixture
def eva(moderators):
    return Reviewer(moderators[0])


@pytest.fixture
def luis(moderators):
    return Reviewer(moderators[1])


@pytest.fixture
def found(cars):
    search()
    return cars


def test_accepting_writes_the_value_and_records_who_when_from_to_and_why(found, eva):
    issue = issue_of(found[0], "brand")
    decision = accept(issue, eva)
    assert car_of(found[0])[:2] == ("Audi", "A3")
    assert (decision.before, decision.after) == ({"brand": "BMW"}, {"brand": "Audi"})
    assert (decision.moderator, decision.moderator_name, decision.action) == (eva.user, "eva", "accepted")
    assert (decision.evidence, decision.expected, decision.move) == ("catalog", "Audi", ("BMW", "Audi"))
    assert decision.created_at
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (eva.user, str(found[0].pk))
    assert "BMW → Audi" in entry.change_message
    issue.refresh_from_db()
    assert (issue.state, issue.decided_by) == ("corrected", eva.user)


def test_the_decision_names_the_photo_model(cars, eva):
    ModelVersion.objects.create(kind="photos", name="photos-7", taxonomy_version=0, ad_count=0).activate()
    Ad.objects.filter(pk=cars[2].pk).update(color=Color.objects.create(name="Rojo"))
    Color.objects.create(name="Azul")
    search({cars[2].pk: {"color": ("azul", 0.98)}})
    decision = accept(issue_of(cars[2], "color"), eva)
    assert (decision.model, decision.probability, decision.evidence) == ("photos-7", 0.98, "photo")
    # As the site spells it.
    assert decision.after == {"color": "Azul"}
    assert Ad.objects.get(pk=cars[2].pk).color.name == "Azul"
    assert "photos-7" in LogEntry.objects.get().change_message


def test_of_several_possible_values_one_is_chosen(found, eva):
    CarModel.objects.get(name="A3").body_types.create(name="Cabrio")
    search()
    issue = issue_of(found[1], "body_type")
    assert (issue.expected, issue.suggested) == ("Cabrio, Hatchback", {})
    with pytest.raises(ReviewConflict, match="un único valor"):
        accept(issue, eva)
    issue.refresh_from_db()
    decision = choose(issue, {"body_type": "Cabrio"}, eva)
    assert (decision.action, car_of(found[1])[2]) == ("corrected", "Cabrio")


def test_choosing_the_stated_or_the_suggested_value_is_what_it_says(found, eva):
    issue = issue_of(found[1], "body_type")
    assert choose(issue, {"body_type": "sedan"}, eva).action == "kept"
    assert car_of(found[1])[2] == "Sedan"
    undo(CarDecision.objects.get(), eva)
    issue.refresh_from_db()
    assert choose(issue, {"body_type": "Hatchback"}, eva).action == "accepted"


def test_no_pair_that_the_catalog_forbids_is_written(found, eva):
    issue = issue_of(found[0], "brand")
    with pytest.raises(ReviewConflict, match=r"BMW A3.*Audi"):
        choose(issue_of(found[1], "year"), {"brand": "BMW"}, eva)
    with pytest.raises(ReviewConflict, match=r"Audi 320.*BMW"):
        choose(issue_of(found[1], "year"), {"car_model": "320"}, eva)
    with pytest.raises(ReviewConflict, match="1996-2024"):
        choose(issue_of(found[1], "year"), {"year": "1970"}, eva)
    assert not CarDecision.objects.exists()
    assert car_of(found[1]) == ("Audi", "A3", "Sedan", 1985)
    decision = choose(issue, {"brand": "BMW", "car_model": "320"}, eva)
    assert (decision.before, decision.after) == ({"car_model": "A3"}, {"car_model": "320"})
    assert car_of(found[0])[:2] == ("BMW", "320")


def test_a_photo_of_another_car_changes_brand_and_model_together(cars, eva):
    photo = {"brand": ("BMW", 0.97), "car_model": ("320", 0.96), "body_type": ("Sedan", 0.95), "year": ("2005", 0.95)}
    search({cars[2].pk: photo})
    # Four contradictions, and three questions.
    body, brand, year = CarIssue.objects.filter(ad_id=str(cars[2].pk)).order_by("field")
    assert brand.suggested == {"brand": "BMW", "car_model": "320"}
    # An Audi A3 is no sedan.
    assert body.suggested == {}
    accept(year, eva)
    brand.refresh_from_db()
    decision = accept(brand, eva)
    assert car_of(cars[2])[:2] == ("BMW", "320")
    assert decision.move == ("Audi A3", "BMW 320")
    body.refresh_from_db()
    assert body.suggested == {"body_type": "Sedan"}
    undo(decision, eva)
    assert car_of(cars[2])[:2] == ("Audi", "A3")


def test_a_photo_of_a_brand_alone_is_not_accepted_where_no_such_car_exists(cars, eva):
    search({cars[2].pk: {"brand": ("BMW", 0.97), "car_model": ("320", 0.5)}})
    issue = issue_of(cars[2], "brand")
    assert issue.suggested == {}
    with pytest.raises(ReviewConflict):
        accept(issue, eva)


def test_another_brands_model_of_the_same_name_is_pointed_at(cars, eva):
    upsert_cars(read_cars("brand,model\nSeat,Ibiza\nFord,Ibiza\n"))
    seat = CarModel.objects.get(brand__name="Seat")
    Ad.objects.filter(pk=cars[2].pk).update(brand=seat.brand, car_model=seat)
    search({cars[2].pk: {"brand": ("Ford", 0.97)}})
    decision = accept(issue_of(cars[2], "brand"), eva)
    ad = Ad.objects.get(pk=cars[2].pk)
    assert ad.brand.name == ad.car_model.brand.name == "Ford"
    undo(decision, eva)
    ad = Ad.objects.get(pk=cars[2].pk)
    assert ad.brand.name == ad.car_model.brand.name == "Seat"


def test_what_catalog_and_photo_both_say_is_answered_once(cars, eva):
    search({cars[0].pk: {"brand": ("Audi", 0.97)}})
    by_catalog, by_photo = CarIssue.objects.filter(ad_id=str(cars[0].pk)).order_by("evidence")
    accept(by_photo, eva)
    assert not CarIssue.objects.filter(pk=by_catalog.pk).exists()
    with pytest.raises(ReviewConflict, match="ya no está en la cola"):
        accept(by_catalog, eva)


def test_other_fields_of_the_ad_follow(found, eva):
    body, year = issue_of(found[1], "body_type"), issue_of(found[1], "year")
    keep(year, eva)
    accept(body, eva)
    # What a moderator changed himself is no reason to ask again.
    assert search() == 1
    year.refresh_from_db()
    assert (year.state, year.car["body_type"]) == ("kept", "Hatchback")

    undo(CarDecision.objects.filter(field="body_type").first(), eva)
    assert search() == 2
    year.refresh_from_db()
    body.refresh_from_db()
    assert (year.state, body.state, body.car["body_type"]) == ("kept", "open", "Sedan")


def test_open_questions_that_another_car_answers_are_closed_and_others_stay(found, eva):
    year = issue_of(found[1], "year")
    search({found[1].pk: {"car_model": ("320", 0.99)}})
    seen = issue_of(found[1], "year").version
    accept(issue_of(found[1], "car_model"), eva)
    assert car_of(found[1]) == ("BMW", "320", "Sedan", 1985)
    # A Sedan is right for it; a year before the first is not, yet it is another year that is expected.
    assert not CarIssue.objects.filter(field="body_type").exists()
    year.refresh_from_db()
    assert (year.state, year.expected, year.car["brand"]) == ("open", "1990-2020", "BMW")
    # Whoever has the page of the other car before him is told.
    now, year.version = year.version, seen
    with pytest.raises(ReviewConflict, match="cambió"):
        keep(year, eva)
    year.version = now
    keep(year, eva)


def test_what_is_decided_is_not_asked_again_until_the_ad_changes(found, eva):
    keep(issue_of(found[1], "year"), eva)
    accept(issue_of(found[1], "body_type"), eva)
    accept(issue_of(found[0], "brand"), eva)
    left = search()
    assert set(CarIssue.objects.filter(state="open").values_list("ad_id", flat=True)) == {str(found[0].pk)}
    Ad.objects.filter(pk=found[1].pk).update(year=1984)
    assert search() == left + 1


def test_undo_puts_everything_back_once(found, eva, luis):
    issue = issue_of(found[0], "brand")
    decision = accept(issue, eva)
    undone = undo(decision, luis)
    # What the seller had said comes back, although the catalog forbids it.
    assert car_of(found[0])[:2] == ("BMW", "A3")
    issue.refresh_from_db()
    assert (issue.state, issue.decided_by, issue.stated) == ("open", None, "BMW")
    assert (undone.undoes, undone.action, undone.moderator_name) == (decision, "undone", "luis")
    for again in (decision, undone):
        with pytest.raises(ReviewConflict):
            undo(again, eva)
    accept(issue, eva)
    assert CarDecision.objects.count() == LogEntry.objects.count() == 3


def test_undo_leaves_an_ad_that_moved_on(found, eva):
    decision = accept(issue_of(found[1], "body_type"), eva)
    Ad.objects.filter(pk=found[1].pk).update(body_type=None)
    with pytest.raises(ReviewConflict):
        undo(decision, eva)
    assert car_of(found[1])[2] is None


def test_asking_again_undoes_the_decision_also_one_that_was_not_recorded(found, eva):
    issue = issue_of(found[1], "year")
    kept = keep(issue, eva)
    assert reopen(issue, eva).undoes == kept
    CarIssue.objects.filter(pk=issue.pk).update(state="kept", decided_by=eva.user.pk, car={})
    issue.refresh_from_db()
    assert reopen(issue, eva).undoes is None
    issue.refresh_from_db()
    assert (issue.state, issue.car["year"]) == ("open", "1985")


def test_the_second_moderator_is_told(found, eva, luis):
    stale = issue_of(found[0], "brand")
    keep(issue_of(found[0], "brand"), eva)
    with pytest.raises(ReviewConflict, match="eva"):
        accept(stale, luis)
    assert car_of(found[0])[0] == "BMW"
    assert CarDecision.objects.count() == LogEntry.objects.count() == 1


@pytest.mark.parametrize("change", [{"year": 1986}, {"brand": None}])
def test_an_ad_that_its_seller_changed_is_left_alone(found, eva, change):
    issue = issue_of(found[1], "year")
    Ad.objects.filter(pk=found[1].pk).update(**change)
    before = car_of(found[1])
    for decide in (keep, lambda issue, who: choose(issue, {"year": "2000"}, who)):
        with pytest.raises(ReviewConflict, match="cambió"):
            decide(CarIssue.objects.get(pk=issue.pk), eva)
    assert car_of(found[1]) == before
    assert CarIssue.objects.get(pk=issue.pk).state == "open"
    Ad.objects.filter(pk=found[1].pk).delete()
    with pytest.raises(ReviewConflict):
        keep(CarIssue.objects.get(pk=issue.pk), eva)
    assert not CarDecision.objects.exists()


def test_a_search_does_not_undo_what_a_moderator_does_meanwhile(found, eva):
    def read(ad):
        # The search has read the ad; now it is decided about.
        if ad.pk == found[0].pk and not CarDecision.objects.exists():
            accept(issue_of(ad, "brand"), eva)
            # Begun before the search, and done while it runs.
            CarIssue.objects.update(decided_at=timezone.now() - timedelta(hours=1))
        return {}

    find_car_issues(get_source(), timezone.now(), read_photos=read)
    assert issue_of(found[0], "brand").state == "corrected"
    assert not CarIssue.objects.filter(ad_id=str(found[0].pk), state="open").exists()


def test_a_search_that_finds_the_same_leaves_the_page_of_a_moderator_valid(found, eva):
    issue = issue_of(found[0], "brand")
    search()
    accept(issue, eva)


def test_a_failure_of_the_host_leaves_no_trace(found, eva, monkeypatch):
    def fail(self, ad, name, text):
        Ad.objects.filter(pk=ad.pk).update(title="changed")
        raise SourceError("no")

    monkeypatch.setattr(AdSource, "set_car_field", fail)
    with pytest.raises(SourceError):
        accept(issue_of(found[0], "brand"), eva)
    monkeypatch.setattr(AdSource, "set_car_field", lambda self, ad, name, text: None)
    with pytest.raises(SourceError, match="the ad says 'BMW'"):
        accept(issue_of(found[0], "brand"), eva)
    assert issue_of(found[0], "brand").state == "open"
    assert not Ad.objects.filter(title="changed").exists()
    assert not CarDecision.objects.exists()
    assert not LogEntry.objects.exists()


def test_decisions_are_immutable(found, eva):
    issue = issue_of(found[0], "brand")
    decision = accept(issue, eva)
    for change in (
        decision.save,
        decision.delete,
        CarDecision.objects.all().delete,
        lambda: CarDecision.objects.update(moderator_name="x"),
    ):
        with pytest.raises(ImmutableRecordError):
            change()
    eva.user.delete()
    issue.delete()
    kept = CarDecision.objects.get()
    assert (kept.moderator, kept.issue, kept.moderator_name) == (None, None, FORGOTTEN)


@pytest.mark.django_db(transaction=True)
def test_of_two_moderators_at_the_same_moment_one_decides(found, moderators):
    issue = issue_of(found[0], "brand")

    def seen(user, how):
        current = CarIssue.objects.get(pk=issue.pk)
        return lambda: how(current, Reviewer(user))

    eva, luis = moderators
    results = dict(zip(("eva", "luis"), at_once(lambda: seen(eva, accept), lambda: seen(luis, keep)), strict=True))
    decision = CarDecision.objects.get()
    loser = {"eva": "luis", "luis": "eva"}[decision.moderator_name]
    assert isinstance(results[loser], ReviewConflict)
    assert decision.moderator_name in str(results[loser])
    assert car_of(found[0])[0] == decision.after["brand"]
    assert LogEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_fields_of_one_ad_are_decided_at_the_same_moment(found, moderators):
    def seen(user, values):
        issue = issue_of(found[1], *values)
        return lambda: choose(issue, values, Reviewer(user))

    eva, luis = moderators
    results = at_once(lambda: seen(eva, {"body_type": "Hatchback"}), lambda: seen(luis, {"year": "2000"}))
    assert [result for result in results if isinstance(result, Exception)] == []
    assert car_of(found[1]) == ("Audi", "A3", "Hatchback", 2000)
    assert search() == 1


@pytest.mark.django_db(transaction=True)
def test_a_search_that_closes_an_entry_waits_for_whoever_decides_about_it(cars, eva):
    Ad.objects.filter(pk=cars[2].pk).update(color=Color.objects.create(name="Rojo"))
    search({cars[2].pk: {"color": ("Azul", 0.99)}})
    problems = []

    def search_without_photos():
        try:
            search()
        except Exception as error:
            problems.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=search_without_photos)
    with transaction.atomic():
        keep(issue_of(cars[2], "color"), eva)
        thread.start()
        thread.join(timeout=1)
    thread.join()
    assert problems == []
    assert issue_of(cars[2], "color").state == "kept"
    assert CarDecision.objects.get().issue == issue_of(cars[2], "color")
