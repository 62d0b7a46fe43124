"""Bulk actions on the queue of ads in the admin."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ad_autocategorize.models import LabelIssue, ReviewDecision
from marketplace.models import Ad
from tests.moderation.conftest import asked_about, confirm, in_bulk

pytestmark = pytest.mark.django_db

LIST = "/admin/ad_autocategorize/labelissue/"


@pytest.mark.parametrize(("action", "moved"), [("accept_selected", True), ("keep_selected", False)])
def test_bulk_actions_ask_first(page, sofa_issue, action, moved):
    data = {"action": action, "_selected_action": [sofa_issue.pk]}
    response = page.post(LIST, data)
    assert "sillon" not in response.content.decode()
    assert not ReviewDecision.objects.exists()
    page.post(LIST, {**data, "confirmed": "1", "seen": [f"{sofa_issue.pk}:{sofa_issue.version}"]})
    decision = ReviewDecision.objects.get()
    assert decision.batch
    assert (Ad.objects.get(pk=sofa_issue.ad_id).category_id == sofa_issue.suggested_id) is moved
    undo, trail = (
        {"action": "undo_selected", "_selected_action": [decision.pk]},
        "/admin/ad_autocategorize/reviewdecision/",
    )
    assert decision.from_path in page.post(trail, undo).content.decode()
    assert ReviewDecision.objects.count() == 1
    page.post(trail, {**undo, "confirmed": "1", "seen": str(decision.pk)})
    assert ReviewDecision.objects.filter(undoes=decision).exists()
    assert Ad.objects.get(pk=sofa_issue.ad_id).category_id == sofa_issue.given_id


def test_a_bulk_action_leaves_what_changed_since_the_question(page, sofa_issue, moderators):
    seen = f"{sofa_issue.pk}:{sofa_issue.version}"
    LabelIssue.objects.update(version=7)
    data = {"action": "accept_selected", "_selected_action": [sofa_issue.pk], "confirmed": "1", "seen": [seen]}
    page.post(LIST, data)
    assert not ReviewDecision.objects.exists()


@pytest.mark.parametrize("action", ["accept_selected", "keep_selected"])
def test_a_bulk_action_leaves_an_ad_whose_title_has_changed_since_it_was_found(page, sofa_issue, action):
    Ad.objects.filter(pk=sofa_issue.ad_id).update(title="perro caniche")
    response = in_bulk(page, LIST, action, [sofa_issue])
    assert "cambió desde que se encontró" in response.content.decode()
    assert not ReviewDecision.objects.exists()


def test_a_bulk_action_reads_once_what_its_ads_share(page, sofa_issue):
    copy = LabelIssue.objects.filter(pk=sofa_issue.pk).values().get()

    def cost(ads):
        LabelIssue.objects.all().delete()
        issues = [
            LabelIssue(**{**copy, "id": None, **asked_about(ad)})
            for ad in Ad.objects.exclude(category=sofa_issue.suggested_id).order_by("pk")[:ads]
        ]
        LabelIssue.objects.bulk_create(issues)
        data = {"action": "accept_selected", "_selected_action": [issues[0].pk], "select_across": "1", "confirmed": "1"}
        with CaptureQueriesContext(connection) as queries:
            page.post(LIST, {**data, "seen": ",".join(f"{issue.pk}:1" for issue in issues)})
        assert not LabelIssue.objects.filter(state="open").exists()
        return len(queries)

    cost(1)
    few, many = cost(5), cost(25)
    # A savepoint and its end, version, ad.
    assert (many - few) / 20 <= 4


def test_a_thousand_ads_at_once_pass_djangos_limit_on_form_fields(page, sofa_issue, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 20
    ads = list(Ad.objects.exclude(pk=sofa_issue.ad_id)[:40])
    LabelIssue.objects.exclude(pk=sofa_issue.pk).delete()
    for ad in ads:
        sofa_issue.pk = None
        for name, value in asked_about(ad).items():
            setattr(sofa_issue, name, value)
        sofa_issue.save(force_insert=True)
    data = {"action": "accept_selected", "_selected_action": [sofa_issue.pk], "select_across": "1"}
    assert confirm(page, LIST, page.post(LIST, data).content.decode()).status_code == 302
    assert ReviewDecision.objects.count() == len(ads) + 1
    trail = "/admin/ad_autocategorize/reviewdecision/"
    data = {"action": "undo_selected", "_selected_action": [ReviewDecision.objects.first().pk], "select_across": "1"}
    assert confirm(page, trail, page.post(trail, data).content.decode()).status_code == 302
    assert ReviewDecision.objects.filter(action="undone").count() == len(ads) + 1
    assert all(Ad.objects.get(pk=ad.pk).category_id == ad.category_id for ad in ads)
