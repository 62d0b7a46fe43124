"""What the review page's script is told: the entry after the one that a person looks at, and what came of a decision."""

import re

import pytest
from django.urls import reverse

from ad_autocategorize.models import LabelIssue, ReviewDecision
from ad_autocategorize.moderation.queue.views import SEEN_KEY
from marketplace.models import Ad
from tests.moderation.conftest import asked_about

pytestmark = pytest.mark.django_db
REVIEW = "/admin/ad_autocategorize/labelissue/review/"
SCRIPT = {"headers": {"accept": "application/json"}}


@pytest.fixture
def three(sofa_issue):
    """Three open entries, in the order of the queue."""
    LabelIssue.objects.exclude(pk=sofa_issue.pk).delete()
    LabelIssue.objects.update(priority=9)
    issues = [LabelIssue.objects.get()]
    for number, ad in enumerate(Ad.objects.exclude(pk=sofa_issue.ad_id)[:2]):
        values = {**LabelIssue.objects.filter(pk=sofa_issue.pk).values().get(), **asked_about(ad)}
        values |= {"id": None, "priority": 8.0 - number, "neighbors": []}
        issues.append(LabelIssue.objects.create(**values))
    return issues


def send(client, issue, decision, **data):
    url = reverse("admin:ad_autocategorize_labelissue_decide", args=[issue.pk])
    return client.post(url, {"version": issue.version, "decision": decision, **data}, **SCRIPT).json()


def showing(issue):
    return {"showing": issue.pk, "showing_version": issue.version}


def key_of(html):
    found = re.search(r'data-issue="(\d*)"', html)[1]
    return int(found) if found else None


def test_the_next_entry_comes_alone(page, three):
    first, second, _third = three
    answer = page.get(REVIEW, {"after": first.pk}, **SCRIPT).json()
    assert key_of(answer["next"]) == second.pk
    assert "<html" not in answer["next"]


def test_a_decision_is_answered_with_the_entry_after_the_one_shown(page, three):
    first, second, third = three
    answer = send(page, first, "keep", **showing(second))
    assert answer["shown"] is None
    assert key_of(answer["next"]) == third.pk
    assert answer["level"] == "success" and "data-undo" in answer["message"]
    assert "<strong>2</strong>" in answer["progress"]
    assert ReviewDecision.objects.get().issue == first
    answer = send(page, second, "skip", **showing(third))
    assert (answer["message"], key_of(answer["next"])) == ("", None)


def test_a_script_that_shows_nothing_yet_gets_both(page, three):
    first, second, third = three
    answer = send(page, first, "keep")
    assert (key_of(answer["shown"]), key_of(answer["next"])) == (second.pk, third.pk)


def test_a_refused_decision_brings_the_entry_back_with_what_was_typed(page, three):
    first, second, _third = three
    answer = send(page, first, "other", value="sill", **showing(second))
    assert answer["level"] == "error"
    assert (key_of(answer["shown"]), key_of(answer["next"])) == (first.pk, second.pk)
    assert 'value="sill"' in answer["shown"]
    # Its results have keys, the first the focus.
    assert re.search(r'data-key="1" autofocus>', answer["shown"])
    assert not ReviewDecision.objects.exists()


@pytest.mark.parametrize("change", [{"version": 7}, {"neighbors": None}])
def test_an_entry_that_is_another_by_now_is_sent_again(page, three, change):
    first, second, third = three
    change = {"neighbors": [first.ad_id]} if "neighbors" in change else change
    LabelIssue.objects.filter(pk=second.pk).update(**change)
    answer = send(page, first, "keep", **showing(second))
    assert (key_of(answer["shown"]), key_of(answer["next"])) == (second.pk, third.pk)


@pytest.mark.parametrize("gone", [True, False])
def test_an_entry_that_is_settled_or_gone_gives_way_to_the_next(page, three, gone):
    first, second, third = three
    shown = showing(second)
    second.delete() if gone else LabelIssue.objects.filter(pk=second.pk).update(state="kept")
    answer = send(page, first, "keep", **shown)
    assert (key_of(answer["shown"]), key_of(answer["next"])) == (third.pk, None)


def test_whoever_was_slower_is_told_and_goes_on(page, three):
    first, second, third = three
    LabelIssue.objects.filter(pk=first.pk).update(version=first.version + 1)
    answer = send(page, first, "accept", **showing(second))
    assert answer["level"] == "warning"
    assert (answer["shown"], key_of(answer["next"])) == (None, third.pk)
    assert not ReviewDecision.objects.exists()


def test_undoing_brings_the_entry_back(page, three):
    first, second, _third = three
    send(page, first, "keep", **showing(second))
    undo = reverse("admin:ad_autocategorize_labelissue_undo", args=[ReviewDecision.objects.get().pk])
    answer = page.post(undo, **SCRIPT).json()
    assert (key_of(answer["shown"]), key_of(answer["next"])) == (first.pk, second.pk)
    assert page.post(undo, **SCRIPT).json()["level"] == "warning"


def test_what_was_fetched_ahead_counts_as_seen_and_blind_mode_goes_past_it(page, three):
    first, second, third = three
    page.get(REVIEW)
    page.get(REVIEW, {"after": first.pk}, **SCRIPT)
    assert page.session[SEEN_KEY] == [f"labelissue:{first.pk}", f"labelissue:{second.pk}"]
    response = page.post(REVIEW, {"blind": "1", "shown": first.pk}, follow=True)
    assert response.context["item"].issue == third
    answer = page.get(REVIEW, {"issue": second.pk}, **SCRIPT).json()
    assert 'value="accept"' not in answer["next"]


def test_filters_go_along(page, three):
    first, second, _third = three
    LabelIssue.objects.filter(pk=second.pk).update(level=2)
    answer = send(page, first, "keep", filters="level=1", **showing(three[2]))
    assert key_of(answer["next"]) is None
    assert "level=1" in answer["message"]


def test_filters_that_make_no_sense_lead_to_the_page_without_them(page, three):
    answer = send(page, three[0], "keep", filters="foo=bar")
    assert answer == {"url": REVIEW}
    assert ReviewDecision.objects.count() == 1


def test_a_word_that_stands_in_any_title_is_no_reason(page, sofa_issue):
    sofa_issue.words = [["sofa", 3.0], ["de", 2.0], ["Usado,", 1.5], ["oferta", -1.0], ["mate", 0.1]]
    sofa_issue.save()
    item = page.get(REVIEW, {"issue": sofa_issue.pk}).context["item"]
    assert item.words == (("sofa", 3.0),)


@pytest.mark.parametrize(
    ("given", "suggested", "said"),
    [
        (("Hogar", "Muebles", "Mesas"), ("Hogar", "Muebles", "Sillones"), ("Hogar › Muebles", ">Mesas<", ">Sillones<")),
        (("Vehículos", "Motos"), ("Hogar", "Cocina"), ("Vehículos › Motos<", "Hogar › Cocina<")),
        (("Vehículos",), ("Vehículos", "Motos"), ("Vehículos,", ">Motos<")),
        (("Vehículos", "Motos"), ("Vehículos",), (">Motos<", "Vehículos.")),
    ],
)
def test_the_question_is_what_the_two_paths_do_not_share(page, sofa_issue, marketplace_tree, given, suggested, said):
    given, suggested = marketplace_tree.find(given), marketplace_tree.find(suggested)
    Ad.objects.filter(pk=sofa_issue.ad_id).update(category=given)
    LabelIssue.objects.filter(pk=sofa_issue.pk).update(given=given, suggested=suggested)
    question = page.get(REVIEW, {"issue": sofa_issue.pk}).context["item"].question
    assert [text for text in said if text not in question] == []


def test_the_ad_is_shown_with_price_and_description(page, sofa_issue):
    Ad.objects.filter(pk=sofa_issue.ad_id).update(price=1500, description="Como nuevo <b>")
    html = page.get(REVIEW, {"issue": sofa_issue.pk}).content.decode()
    assert re.search(r"\$ 1\D?500", html)
    assert "Como nuevo &lt;b&gt;" in html
