"""Bulk actions on car fields in the admin."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ad_autocategorize.models import CarDecision, CarIssue
from ad_autocategorize.moderation.cars.review import keep
from ad_autocategorize.moderation.queue import bulk_actions
from ad_autocategorize.moderation.queue.deciding import Reviewer
from ad_autocategorize.moderation.search.car_issues import find_car_issues
from ad_autocategorize.sources import get_source
from marketplace.models import Ad
from taxonomy.car_catalog import upsert_cars
from taxonomy.models import BodyType, Brand, CarModel
from taxonomy.readers.cars import read_cars
from tests.moderation.cars import car_of, issue_of, search
from tests.moderation.conftest import decide, in_bulk, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("spanish")]

LIST = "/admin/ad_autocategorize/carissue/"
TRAIL = "/admin/ad_autocategorize/cardecision/"


def test_bulk_actions_ask_first_and_are_taken_back(page, found):
    chosen = list(CarIssue.objects.all())
    data = {"action": "accept_selected", "_selected_action": [issue.pk for issue in chosen]}
    html = text_of(page.post(LIST, data))
    assert "marca: BMW" in html
    assert "Audi" in html
    # Of several years none is the right one: that is left for later, and said so.
    assert "1996-2024" not in html
    assert "un único valor que le vaya al auto: 1" in html
    assert not CarDecision.objects.exists()
    assert "un único valor" not in text_of(in_bulk(page, LIST, "accept_selected", chosen))
    decisions = list(CarDecision.objects.all())
    assert {decision.field for decision in decisions} == {"brand", "body_type"}
    assert len({decision.batch for decision in decisions}) == 1
    assert car_of(found[0])[0] == "Audi"
    assert car_of(found[1])[2:] == ("Hatchback", 1985)

    data = {"action": "undo_selected", "_selected_action": [decision.pk for decision in decisions]}
    assert "Audi" in text_of(page.post(f"{TRAIL}?batch__exact={decisions[0].batch}", data))
    page.post(TRAIL, {**data, "confirmed": "1", "seen": ",".join(str(decision.pk) for decision in decisions)})
    assert car_of(found[0])[0] == "BMW"
    assert car_of(found[1])[2] == "Sedan"
    assert CarIssue.objects.filter(state="open").count() == 3


def test_a_bulk_action_reads_once_what_its_ads_share(page, found, monkeypatch):
    def cost(ads):
        CarIssue.objects.all().delete()
        audi = {"car_model": CarModel.objects.get(name="A3"), "body_type": BodyType.objects.get(name="Sedan")}
        chosen = Ad.objects.filter(pk__in=list(Ad.objects.order_by("-pk").values_list("pk", flat=True)[:ads]))
        chosen.update(brand=Brand.objects.get(name="Audi"), year=1999, **audi)
        find_car_issues(get_source(), timezone.now())
        issues = list(CarIssue.objects.filter(ad_id__in=[str(ad.pk) for ad in chosen], field="body_type"))
        assert len(issues) == ads
        data = {"action": "accept_selected", "_selected_action": [issue.pk for issue in issues], "confirmed": "1"}
        with CaptureQueriesContext(connection) as queries:
            page.post(LIST, {**data, "seen": ",".join(f"{issue.pk}:{issue.version}" for issue in issues)})
        assert set(chosen.values_list("body_type__name", flat=True)) == {"Hatchback"}
        return len(queries)

    cost(1)
    few, many = cost(5), cost(25)
    # A savepoint and its end, version, the host's own four, what the ad says then and is remembered to say.
    assert (many - few) / 20 <= 9
    monkeypatch.setattr(bulk_actions, "COMMITTED_AT_ONCE", 5)
    assert cost(25) > many


def test_what_is_refused_in_a_bulk_action_leaves_the_rest_of_its_chunk(page, found):
    brand, body = issue_of(found[0], "brand"), issue_of(found[1], "body_type")
    gone = CarIssue.objects.create(
        ad_id="0", field="year", evidence="catalog", stated="1", suggested={"year": "2"}, found_at=timezone.now()
    )
    Ad.objects.filter(pk=found[0].pk).update(car_model=None)
    response = in_bulk(page, LIST, "accept_selected", [gone, brand, body])
    # The first ad does not exist, and the second is of another car by now.
    assert "ya no existe" in text_of(response)
    assert "cambió" in text_of(response)
    assert car_of(found[0])[0] == "BMW"
    assert issue_of(found[0], "brand").state == "open"
    assert car_of(found[1])[2] == "Hatchback"


def test_what_a_bulk_action_leaves_out_is_said_truly_of_one_value_that_does_not_fit(page, cars):
    # The photo shows one brand, and no car of it has this model.
    search({cars[2].pk: {"brand": ("BMW", 0.97), "car_model": ("320", 0.5)}})
    issue = issue_of(cars[2], "brand")
    assert (issue.expected, issue.suggested) == ("BMW", {})
    data = {"action": "accept_selected", "_selected_action": [issue.pk]}
    html = text_of(page.post(LIST, data, follow=True))
    assert "un único valor que le vaya al auto: 1" in html
    assert "varios" not in html
    assert "No se conoce un único valor que le vaya a este auto" in text_of(decide(page, issue, "accept"))


def test_two_fields_of_one_ad_in_one_bulk_action(page, cars):
    photo = {"body_type": ("Sedan", 0.95), "year": ("2005", 0.95)}
    upsert_cars(read_cars("brand,model,body_type\nAudi,A3,Sedan\n"))
    search({cars[2].pk: photo})
    issues = list(CarIssue.objects.filter(ad_id=str(cars[2].pk)))
    assert len(issues) == 2
    in_bulk(page, LIST, "accept_selected", issues)
    assert car_of(cars[2])[2:] == ("Sedan", 2005)
    assert set(CarIssue.objects.filter(ad_id=str(cars[2].pk)).values_list("state", flat=True)) == {"corrected"}


def test_a_bulk_action_on_nothing_asks_nothing(page, found):
    data = {"action": "accept_selected", "_selected_action": [issue_of(found[1], "year").pk]}
    html = text_of(page.post(LIST, data, follow=True))
    assert "Nada de lo elegido" in html
    assert 'name="confirmed"' not in html


def test_asking_again_promises_no_undoing(page, found, moderators):
    issue = issue_of(found[1], "year")
    keep(issue, Reviewer(moderators[0]))
    issue.refresh_from_db()
    html = text_of(in_bulk(page, f"{LIST}?state=kept", "reopen_selected", [issue]))
    issue.refresh_from_db()
    assert issue.state == "open"
    assert "Campos sobre los que se vuelve a preguntar: 1" in html
    assert "batch__exact" not in html


def test_where_nothing_was_done_nothing_is_said_to_be(page, found):
    issue = issue_of(found[0], "brand")
    data = {"action": "accept_selected", "_selected_action": [issue.pk], "confirmed": "1", "seen": f"{issue.pk}:6"}
    changed = page.post(LIST, data, follow=True)
    CarIssue.objects.all().delete()
    gone = page.post(LIST, data, follow=True)
    for response in (changed, gone):
        assert "batch__exact" not in text_of(response)
        assert [message.level_tag for message in response.context["messages"]] == ["warning"]


def test_a_bulk_action_leaves_what_changed_since_the_question(page, found):
    issue = issue_of(found[0], "brand")
    CarIssue.objects.update(version=7)
    response = in_bulk(page, LIST, "accept_selected", [issue])
    assert "cambió" in text_of(response)
    assert not CarDecision.objects.exists()
