"""Ads in a database of their own: decisions open a transaction there, and hidden ads move with a merge."""

import io

import pytest
from django.core.management import call_command
from django.db import connections

from ad_autocategorize.categories.services import suggest_categories
from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import LabelIssue, ReviewDecision
from ad_autocategorize.moderation.labels.review import accept, undo
from ad_autocategorize.moderation.queue.deciding import Reviewer
from ad_autocategorize.moderation.tree.merging import merge
from ad_autocategorize.sources import get_source
from taxonomy.models import Category
from taxonomy.tree import CategoryTree
from tests.hosts.lejos.ad_source import FarAds
from tests.hosts.lejos.models import Shelf, Thing

pytestmark = [pytest.mark.django_db(transaction=True, databases=["default", "far"]), pytest.mark.database]


class WatchedAds(FarAds):
    """Says in which databases a transaction is open while an ad moves."""

    seen = []

    def relabel(self, thing, shelf):
        self.seen.append({name for name in ("default", "far") if connections[name].in_atomic_block})
        super().relabel(thing, shelf)


@pytest.fixture
def wrong(settings):
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": f"{__name__}.WatchedAds"})
    WatchedAds.seen = []
    shelves = {name: Shelf.objects.create(code=name.lower(), name=name) for name in ("Chairs", "Tables", "Drills")}
    words = {"Chairs": "chair stool", "Tables": "table desk", "Drills": "drill screwdriver"}
    for number in range(20):
        for name, shelf in shelves.items():
            Thing.objects.create(title=f"{words[name].split()[number % 2]} {number % 5}", shelf=shelf)
    Thing.objects.create(title="old table", shelf=shelves["Tables"], deleted=True)
    thing = Thing.objects.create(title="drill screwdriver 3", shelf=shelves["Tables"])
    call_command("check")
    call_command("sync_taxonomy", stdout=io.StringIO())
    call_command("find_mislabels", stdout=io.StringIO(), stderr=io.StringIO())
    return thing


def test_an_ad_moves_and_back_in_a_transaction_of_its_own_database(wrong, django_user_model, admin_client):
    issue = LabelIssue.objects.get(ad_id=str(wrong.pk))
    url = f"/admin/ad_autocategorize/labelissue/{issue.pk}/decide/"
    admin_client.post(url, {"version": issue.version, "decision": "accept"})
    assert Thing.objects.get(pk=wrong.pk).shelf_id == "drills"
    assert WatchedAds.seen == [{"default", "far"}]
    undo(ReviewDecision.objects.get(), Reviewer(django_user_model.objects.get()))
    assert Thing.objects.get(pk=wrong.pk).shelf_id == "tables"


def test_a_decision_that_fails_leaves_no_record_and_no_move(wrong, django_user_model, monkeypatch):
    issue = LabelIssue.objects.get(ad_id=str(wrong.pk))

    def move_and_fail(self, thing, shelf):
        FarAds.relabel(self, thing, shelf)
        raise ZeroDivisionError

    monkeypatch.setattr(WatchedAds, "relabel", move_and_fail)
    with pytest.raises(ZeroDivisionError):
        accept(issue, Reviewer(django_user_model.objects.create_user("eva")))
    assert Thing.objects.get(pk=wrong.pk).shelf_id == "tables"
    assert not ReviewDecision.objects.exists()
    assert LabelIssue.objects.get(pk=issue.pk).state == LabelIssue.State.OPEN


def test_a_merge_takes_hidden_ads_along(wrong, django_user_model):
    tree = CategoryTree.load()
    moved = merge(tree.find(["Tables"]), tree.find(["Chairs"]), Reviewer(django_user_model.objects.create_user("eva")))
    assert moved == 22
    assert not Thing._base_manager.filter(shelf_id="tables").exists()
    assert Thing._base_manager.get(title="old table").deleted


def test_prefixed_keys_lead_to_what_the_foreign_key_keeps(wrong):
    assert set(Category.objects.values_list("host_key", flat=True)) == {"chairs", "tables", "drills"}
    call_command("retrain_classifiers", stdout=io.StringIO())
    best = suggest_categories("screwdriver").suggestions[0]
    assert best.value == "drills"
    key = Category.objects.get(pk=best.category_id).external_id
    assert get_source().host_category(key) == Shelf.objects.get(code="drills")
