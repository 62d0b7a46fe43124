"""The queue of car fields in the admin."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ad_autocategorize.models import CarDecision, CarIssue
from ad_autocategorize.moderation.cars import presentation
from ad_autocategorize.moderation.cars.review import accept, keep
from ad_autocategorize.moderation.queue.deciding import Reviewer
from ad_autocategorize.moderation.queue.progress import COUNTED
from ad_autocategorize.moderation.search.car_issues import find_car_issues
from ad_autocategorize.sources import get_source
from marketplace.models import Ad
from taxonomy.car_catalog import upsert_cars
from taxonomy.models import Brand, CarModel, Color
from taxonomy.readers.cars import read_cars
from tests.moderation.cars import car_of, issue_of, search
from tests.moderation.conftest import decide, in_bulk, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("spanish")]

LIST = "/admin/ad_autocategorize/carissue/"
REVIEW = LIST + "review/"
TRAIL = "/admin/ad_autocategorize/cardecision/"


def test_the_page_shows_both_cars_and_one_decision_leads_to_the_next(page, found):
    first = CarIssue.objects.first()
    assert page.get(REVIEW).context["item"].issue == first
    issue = issue_of(found[0], "brand")
    response = page.get(REVIEW, {"issue": issue.pk})
    item = response.context["item"]
    assert [(line.value, line.parts) for line in item.stated[:2]] == [("BMW", True), ("A3", False)]
    assert [(line.value, line.parts) for line in item.suggested[:2]] == [("Audi", True), ("A3", False)]
    assert found[0].title in text_of(response)
    decide(page, issue, "accept")
    assert car_of(found[0])[0] == "Audi"
    response = decide(page, first, "skip")
    assert response.context["item"].issue == issue_of(found[1], "year")

    decision = CarDecision.objects.get()
    undo = reverse("admin:ad_autocategorize_carissue_undo", args=[decision.pk])
    assert "BMW → Audi" in text_of(page.get(undo))
    response = page.post(undo, follow=True)
    assert response.context["item"].issue == issue
    assert car_of(found[0])[0] == "BMW"


def test_a_decision_says_how_it_is_undone_and_so_does_the_page_of_what_is_settled(page, found):
    issue = issue_of(found[1], "body_type")
    response = decide(page, issue, "accept")
    undo = reverse("admin:ad_autocategorize_carissue_undo", args=[CarDecision.objects.get().pk])
    assert undo in text_of(response)
    assert undo in text_of(page.get(REVIEW, {"issue": issue.pk}))
    page.post(undo)
    assert undo not in text_of(page.get(REVIEW, {"issue": issue.pk}))


def test_skipping_goes_through_the_queue_and_ends(page, found):
    seen = []
    response = page.get(REVIEW)
    while item := response.context["item"]:
        seen.append(item.issue.pk)
        response = decide(page, item.issue, "skip")
    assert seen == list(CarIssue.objects.values_list("pk", flat=True))
    assert not CarDecision.objects.exists()


def test_filters_go_along(page, found):
    response = page.get(REVIEW, {"field": "year"})
    assert response.context["item"].issue.field == "year"
    response = decide(page, response.context["item"].issue, "skip", filters=response.context["filters"])
    assert response.context["item"] is None
    assert "field=year" in response.redirect_chain[-1][0]


def test_the_list_is_narrowed_to_a_seller_or_a_time(page, found):
    CarIssue.objects.filter(ad_id=str(found[0].pk)).update(
        seller="ana+cars&co", found_at=timezone.now() - timedelta(days=60)
    )
    (query,) = re.findall(r'href="\?(seller__exact=ana%2B[^"]*)"', page.get(LIST).content.decode())
    response = page.get(f"{LIST}?{unescape(query)}")
    assert [issue.ad_id for issue in response.context["cl"].result_list] == [str(found[0].pk)]
    assert page.get(f"{REVIEW}?{unescape(query)}").context["item"].issue.ad_id == str(found[0].pk)
    narrowed = response.context["cl"]
    times = next(spec for spec in narrowed.filter_specs if spec.title == "encontrado").choices(narrowed)
    week = next(choice["query_string"] for choice in times if "7" in str(choice["display"]))
    assert str(found[0].pk) not in {issue.ad_id for issue in page.get(LIST + week).context["cl"].result_list}


def options(response):
    return dict(re.findall(r'<option value="([^"]+)">([^<]+)</option>', response.content.decode()))


def test_brand_and_model_are_chosen_as_a_pair_of_the_catalog(page, found):
    issue = issue_of(found[0], "brand")
    offered = options(page.get(REVIEW, {"issue": issue.pk}))
    assert list(offered.values()) == ["Audi A3", "BMW 320"]
    key = next(unescape(key) for key, label in offered.items() if label == "BMW 320")
    decide(page, issue, "other", value=key)
    assert car_of(found[0])[:2] == ("BMW", "320")


@pytest.fixture
def long_catalog(found, monkeypatch):
    """A catalog that is too long for one list, with a further brand."""
    monkeypatch.setattr(presentation, "LISTED_AT_ONCE", 2)
    upsert_cars(read_cars("brand,model\nBMW,X1\nSeat,Ibiza\nSeat,León\n"))


def test_of_a_long_catalog_the_brands_at_hand_are_listed_and_any_other_on_demand(page, found, long_catalog):
    issue = issue_of(found[0], "brand")
    response = page.get(REVIEW, {"issue": issue.pk, "field": "brand"})
    # The brand that is stated, and the one that makes the model.
    assert list(options(response).values()) == ["Audi A3", "BMW 320", "BMW X1"]
    assert response.context["item"].brands == ("Audi", "BMW", "Seat")
    assert '<input type="hidden" name="field" value="brand">' in text_of(response)
    response = page.get(REVIEW, {"issue": issue.pk, "field": "brand", "brand": "Seat"})
    assert response.context["filters"] == "field=brand"
    offered = options(response)
    assert list(offered.values()) == ["Seat Ibiza", "Seat León"]
    response = decide(page, issue, "other", value="", brand="Seat", filters="field=brand")
    assert list(options(response).values()) == ["Seat Ibiza", "Seat León"]
    decide(page, issue, "other", value=unescape(next(iter(offered))))
    assert car_of(found[0])[:2] == ("Seat", "Ibiza")


def test_the_brands_at_hand_do_not_tell_a_blind_moderator_what_is_expected(page, found, long_catalog):
    page.post(REVIEW, {"blind": "1"})
    response = page.get(REVIEW, {"issue": issue_of(found[0], "brand").pk})
    assert list(options(response).values()) == ["BMW 320", "BMW X1"]


def test_a_brand_that_makes_nothing_leaves_the_list_of_brands(page, found, long_catalog):
    response = page.get(REVIEW, {"issue": issue_of(found[0], "brand").pk, "brand": "Tesla"})
    assert options(response) == {}
    assert 'id="id_value"' not in text_of(response)
    assert "<option>Seat</option>" in text_of(response)


def test_a_page_that_offers_nothing_of_the_catalog_does_not_read_it(page, found):
    url = f"{REVIEW}?field=year"
    page.get(url)
    with CaptureQueriesContext(connection) as queries:
        page.get(url)
    assert not any("ad_taxonomy_carmodel" in query["sql"] for query in queries)


def test_what_is_not_offered_is_refused(page, found):
    brand, year = issue_of(found[0], "brand"), issue_of(found[1], "year")
    for issue, value in ((brand, ""), (brand, '{"brand": "Tesla"}'), (brand, "Audi"), (year, ""), (year, "19 85")):
        response = decide(page, issue, "other", value=value)
        assert 'class="error"' in text_of(response), value
        # The question stays, and what was typed.
        assert response.context["item"].issue == issue
    assert 'value="19 85"' in text_of(response)
    response = decide(page, year, "other", value="1890", filters="field=year")
    assert "1996-2024" in text_of(response)
    assert response.context["item"].issue == year
    assert response.context["filters"] == "field=year"
    assert not CarDecision.objects.exists()
    decide(page, year, "other", value="1999")
    assert car_of(found[1])[3] == 1999


def test_one_of_several_values_of_the_catalog(page, found):
    CarModel.objects.get(name="A3").body_types.create(name="Cabrio")
    search()
    issue = issue_of(found[1], "body_type")
    response = page.get(REVIEW, {"issue": issue.pk})
    assert 'value="accept"' not in text_of(response)
    assert "uno de: Cabrio, Hatchback" in text_of(response)
    decide(page, issue, response.context["item"].possible[0].key)
    assert car_of(found[1])[2] == "Cabrio"


def test_a_color_is_chosen_from_the_sites_own(page, cars):
    Ad.objects.filter(pk=cars[2].pk).update(color=Color.objects.create(name="Rojo"))
    search({cars[2].pk: {"color": ("Plateado", 0.99)}})
    issue = issue_of(cars[2], "color")
    assert list(options(page.get(REVIEW, {"issue": issue.pk})).values()) == ["Rojo"]
    # The site has no such color: that is said, and nothing is written.
    assert "Plateado" in text_of(decide(page, issue, "accept"))
    assert not CarDecision.objects.exists()
    Color.objects.create(name="Plateado")
    decide(page, CarIssue.objects.get(pk=issue.pk), "accept")
    assert Ad.objects.get(pk=cars[2].pk).color.name == "Plateado"


def test_keys_and_versions_are_written_for_machines_whatever_the_sites_numbers_look_like(
    page, found, long_catalog, settings
):
    settings.USE_THOUSAND_SEPARATOR = True
    CarIssue.objects.filter(pk=issue_of(found[0], "brand").pk).update(id=5678, version=1234)
    html = page.get(REVIEW, {"issue": 5678}).content.decode()
    versions = re.findall(r'name="version" value="([^"]*)"', html)
    assert len(versions) == 2
    assert set(versions) == {"1234"}
    assert 'name="issue" value="5678"' in html


def test_a_stale_page_is_told(page, found, moderators):
    issue = issue_of(found[0], "brand")
    keep(issue_of(found[0], "brand"), Reviewer(moderators[1]))
    assert "luis llegó antes" in text_of(decide(page, issue, "accept")).lower()
    assert car_of(found[0])[0] == "BMW"


def test_blind_mode_hides_what_is_expected_until_it_is_decided(page, found):
    page.post(REVIEW, {"blind": "1"})
    issue = issue_of(found[1], "body_type")
    html = text_of(page.get(REVIEW, {"issue": issue.pk}))
    assert 'value="accept"' not in html
    assert "Hatchback" not in html.split("<select")[0]
    html = text_of(page.get(LIST))
    assert "Sedan" in html
    assert "Hatchback" not in html
    assert "accept_selected" not in html
    decide(page, issue, "accept")
    assert not CarDecision.objects.exists()
    assert "Hatchback" in text_of(decide(page, issue, "keep"))
    assert CarDecision.objects.get().blind


def test_a_blind_moderator_is_not_told_by_the_marks_that_two_fields_change_together(page, cars):
    search({cars[2].pk: {"brand": ("BMW", 0.97), "car_model": ("320", 0.96)}})
    issue = issue_of(cars[2], "brand")

    def marked():
        return [line.parts for line in page.get(REVIEW, {"issue": issue.pk}).context["item"].stated[:2]]

    assert marked() == [True, True]
    page.post(REVIEW, {"blind": "1"})
    assert marked() == [True, False]


def test_permissions(client, found, django_user_model):
    user = django_user_model.objects.create_user("staff", is_staff=True)
    client.force_login(user)
    issue = issue_of(found[0], "brand")
    for url in (LIST, REVIEW, TRAIL):
        assert client.get(url).status_code == 403
    assert decide(client, issue, "accept").status_code == 403
    user.user_permissions.set(Permission.objects.filter(codename="view_carissue"))
    html = client.get(LIST).content.decode()
    assert "BMW" in html
    assert "carissue/" not in html.split("result_list")[1]
    assert "carissue/review/" not in html
    assert "marketplace/ad/" not in html
    assert client.get(REVIEW).status_code == 403
    assert decide(client, issue, "accept").status_code == 403
    user.user_permissions.set(Permission.objects.filter(codename="can_review"))
    html = client.get(LIST).content.decode()
    assert "accept_selected" not in html
    assert "carissue/review/" in html
    in_bulk(client, LIST, "accept_selected", [issue])
    assert not CarDecision.objects.exists()
    decide(client, issue, "accept")
    assert CarDecision.objects.get().moderator == user


def test_deleted_ads_are_passed_over(page, found):
    issue = issue_of(found[0], "brand")
    Ad.objects.filter(pk=found[0].pk).delete()
    assert page.get(LIST).status_code == 200
    assert page.get(REVIEW, {"issue": issue.pk}).context["item"].issue.ad_id == str(found[1].pk)
    assert CarIssue.objects.filter(pk=issue.pk).exists()


def test_the_audit_trail_is_shown_and_cannot_be_changed(page, found, moderators):
    decision = accept(issue_of(found[0], "brand"), Reviewer(moderators[1]))
    html = text_of(page.get(TRAIL))
    assert "luis" in html
    assert "BMW" in html
    assert "BMW" in text_of(page.get(f"{TRAIL}{decision.pk}/change/"))
    assert page.post(f"{TRAIL}{decision.pk}/change/", {"moderator_name": "x"}).status_code == 403
    assert page.post(f"{TRAIL}{decision.pk}/delete/", {"post": "yes"}).status_code == 403


def test_one_ad_costs_no_more_queries_the_longer_the_queue(page, cars, django_assert_max_num_queries):
    Ad.objects.update(brand=Brand.objects.get(name="BMW"), car_model=CarModel.objects.get(name="A3"))
    assert find_car_issues(get_source(), timezone.now()) > 50
    page.get(REVIEW)
    with django_assert_max_num_queries(15) as queries:
        page.get(REVIEW)
    counted = [query["sql"] for query in queries if "COUNT(*)" in query["sql"]]
    assert len(counted) == 1 and f"LIMIT {COUNTED + 1}" in counted[0]
