"""Numbers that no page of the moderators sends: they are answered, not crashed at."""

import pytest
from django.urls import reverse

from ad_autocategorize.models import CarDecision, LabelIssue, ReviewDecision
from ad_autocategorize.moderation.queue.bulk_actions import BULK_LIMIT
from ad_autocategorize.moderation.queue.numbers import small_number
from marketplace.models import Ad
from tests.moderation.cars import car_of, issue_of, search

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("spanish")]

LIST = "/admin/ad_autocategorize/labelissue/"
HUGE = "9" * 5000
ARABIC = "٢٠١٠"


@pytest.mark.parametrize("text", ["", "-1", "1.0", "²", ARABIC, "9" * 19, HUGE])
def test_what_is_no_small_number(text):
    assert small_number(text) is None


def test_small_numbers():
    assert [small_number(text) for text in ("0", "007", "9" * 18)] == [0, 7, 10**18 - 1]


@pytest.mark.parametrize("number", [HUGE, ARABIC])
def test_the_review_page_starts_anew(page, sofa_issue, number):
    for name in ("issue", "after"):
        response = page.get(f"{LIST}review/", {name: number})
        assert response.context["item"].issue == LabelIssue.objects.first()


@pytest.mark.parametrize("number", [HUGE, "9" * 18])
def test_nothing_is_decided_by_it(page, sofa_issue, number):
    url = reverse("admin:ad_autocategorize_labelissue_decide", args=[sofa_issue.pk])
    for data in (
        {"version": number, "decision": "keep"},
        {"version": sofa_issue.version, "decision": number},
        {"version": sofa_issue.version, "decision": "other", "category": number},
    ):
        assert page.post(url, data, follow=True).status_code == 200
    bulk = {"action": "keep_selected", "_selected_action": [sofa_issue.pk], "confirmed": "1"}
    for seen in (f"{sofa_issue.pk}:{number}", f"{number}:1"):
        assert page.post(LIST, {**bulk, "seen": seen}, follow=True).status_code == 200
    assert not ReviewDecision.objects.exists()


def test_more_rows_than_a_page_shows_are_refused(page, sofa_issue):
    bulk = {"action": "keep_selected", "_selected_action": [sofa_issue.pk], "confirmed": "1"}
    keys = [f"{sofa_issue.pk}:{sofa_issue.version}", *(f"{key}:1" for key in range(1_000_000, 1_000_000 + BULK_LIMIT))]
    assert page.post(LIST, {**bulk, "seen": ",".join(keys)}).status_code == 400
    assert not ReviewDecision.objects.exists()
    assert page.post(LIST, {**bulk, "seen": ",".join(keys[:-1])}).status_code == 302
    assert ReviewDecision.objects.count() == 1


@pytest.mark.parametrize("name", ["given", "given__id__exact", "decided_by__in", "level__gte"])
def test_a_list_says_that_such_a_filter_makes_no_sense(page, sofa_issue, name):
    response = page.get(LIST, {name: "9" * 40}, follow=True)
    assert response.status_code == 200
    assert response.redirect_chain == [(f"{LIST}?e=1", 302)]
    response = page.get(f"{LIST}review/", {name: ["9" * 40, "1"]}, follow=True)
    assert response.redirect_chain == [(f"{LIST}review/", 302)]


def test_a_seller_may_be_called_by_a_long_number(page, sofa_issue):
    LabelIssue.objects.filter(pk=sofa_issue.pk).update(seller="9" * 40)
    assert "sillon sofa modelo 3" in page.get(LIST, {"seller__exact": "9" * 40}).content.decode()


@pytest.mark.parametrize("into", [HUGE, ARABIC])
def test_a_category_to_merge_into_is_asked_for_again(marketplace_tree, admin_client, into):
    category = marketplace_tree.find(["Hogar", "Cocina"])
    url = reverse("admin:ad_autocategorize_taxonomyfinding_merge_into", args=[category])
    assert "targets" in admin_client.get(url, {"into": into}).context


def test_a_key_in_digits_of_another_script_is_asked_for_again(marketplace_tree, admin_client):
    category, other = (marketplace_tree.find(["Hogar", name]) for name in ("Cocina", "Muebles"))
    url = reverse("admin:ad_autocategorize_taxonomyfinding_merge_into", args=[category])
    into = "".join(chr(0x660 + int(digit)) for digit in str(other))
    assert "targets" in admin_client.get(url, {"into": into}).context


def test_years_in_other_digits_are_written_as_all_years_are(page, cars):
    search()
    issue = issue_of(cars[1], "year")
    url = reverse("admin:ad_autocategorize_carissue_decide", args=[issue.pk])
    for year in (HUGE, "²٠١٠", "20.10"):
        page.post(url, {"version": issue.version, "decision": "other", "value": year}, follow=True)
    assert not CarDecision.objects.exists()
    page.post(url, {"version": issue.version, "decision": "other", "value": ARABIC}, follow=True)
    assert car_of(Ad.objects.get(pk=cars[1].pk))[3] == 2010
    assert CarDecision.objects.get().after == {"year": "2010"}
