"""Ads with several categories: by a many-to-many field, its through model, or a method."""

import io

import pytest
from django.core.management import call_command

from ad_autocategorize.categories.services import suggest_categories
from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import LabelIssue
from ad_autocategorize.moderation.labels.review import accept, choose, keep, undo
from ad_autocategorize.moderation.queue.deciding import ReviewConflict, Reviewer
from ad_autocategorize.moderation.tree.merging import merge
from ad_autocategorize.sources import get_source
from taxonomy.tree import CategoryTree
from tests.hosts.etiquetas.models import Notice, Offer, Placement, Topic

pytestmark = [pytest.mark.django_db, pytest.mark.database]

SOURCES = ["TopicAds", "PlacedOffers", "PlacementsOfOffers", "OffersByMethod"]
REVIEW = "/admin/ad_autocategorize/labelissue/review/"
WORDS = {"Chairs": "chair stool", "Tables": "table desk", "Drills": "drill screwdriver", "Gifts": ""}


def topics():
    home, tools = Topic.objects.add_root({"name": "Home"}), Topic.objects.add_root({"name": "Tools"})
    found = {name: Topic.objects.add_child(home, {"name": name}) for name in ("Chairs", "Tables")}
    return found | {
        "Drills": Topic.objects.add_child(tools, {"name": "Drills"}),
        "Gifts": Topic.objects.add_root({"name": "Gifts"}),
    }


def add(model, title, *filed):
    ad = model.objects.create(title=title)
    for topic in filed:
        if model is Notice:
            ad.topics.add(topic)
        else:
            Placement.objects.create(offer=ad, topic=topic, paid=True)
    return ad


@pytest.fixture(params=SOURCES)
def host(request, settings):
    """A host where every third chair is a gift too; its topics, and a drill filed at tables and gifts."""
    setattr(
        settings, SETTING, {**getattr(settings, SETTING), "SOURCE": f"tests.hosts.etiquetas.ad_source.{request.param}"}
    )
    model, found = Notice if request.param == "TopicAds" else Offer, topics()
    for number in range(36):
        for name in ("Chairs", "Tables", "Drills"):
            words = WORDS[name].split()
            extra = [found["Gifts"]] if name == "Chairs" and number % 3 == 0 else []
            add(model, f"{words[number % 2]} {number % 12}", found[name], *extra)
    wrong = add(model, "drill screwdriver 5", found["Tables"], found["Gifts"])
    call_command("check")
    call_command("sync_taxonomy", stdout=io.StringIO())
    return found, wrong


def names_of(ad):
    tree = CategoryTree.load()
    return {tree.name(pk) for pk in get_source().filed_at_ids(type(ad).objects.get(pk=ad.pk), tree)}


def search():
    call_command("find_mislabels", stdout=io.StringIO(), stderr=io.StringIO())


def test_training_counts_an_ad_in_each_and_a_suggestion_can_be_taken(host):
    found, _wrong = host
    rows = list(get_source().iter_titles())
    assert len(rows) == 3 * 36 + 12 + 2
    gifts = CategoryTree.load().find(["Gifts"])
    assert sum(row.category_id == gifts for row in rows) == 13
    assert {len(row.others) for row in rows} == {0, 1}
    call_command("retrain_classifiers", stdout=io.StringIO())
    best = suggest_categories("screwdriver").suggestions[0]
    assert best.path[-1].name == "Drills"
    if get_source().is_path("category"):
        assert best.value == str(found["Drills"].pk)


def test_doubts_name_no_category_that_the_ad_has_and_one_is_replaced(host, moderators, admin_client):
    _found, wrong = host
    search()
    issues = LabelIssue.objects.select_related("given", "suggested")
    tree, source = CategoryTree.load(), get_source()
    for issue in issues:
        filed = source.filed_at_ids(type(wrong).objects.get(pk=issue.ad_id), tree)
        assert issue.given_id in filed
        assert issue.suggested_id not in filed
    # A chair that is a gift too is right, whatever other chairs are.
    assert len(issues) < 12
    issue = issues.get(ad_id=str(wrong.pk))
    assert issue.suggested.name == "Drills"
    html = admin_client.get(REVIEW, {"issue": issue.pk}).content.decode()
    assert "Also filed at" in html or "También" in html
    given = issue.given.name
    decision = accept(issue, Reviewer(moderators[0]))
    assert names_of(wrong) == {"Tables", "Gifts", "Drills"} - {given}
    if isinstance(wrong, Offer):
        assert set(Placement.objects.filter(offer=wrong).values_list("paid", flat=True)) == {True}
    undo(decision, Reviewer(moderators[1]))
    assert names_of(wrong) == {"Tables", "Gifts"}


def test_an_ad_that_was_kept_is_not_asked_about_again_and_goes_nowhere_twice(host, moderators):
    _found, wrong = host
    search()
    issue = LabelIssue.objects.get(ad_id=str(wrong.pk))
    other = next(pk for pk in get_source().filed_at_ids(wrong, CategoryTree.load()) if pk != issue.given_id)
    with pytest.raises(ReviewConflict):
        choose(issue, other, Reviewer(moderators[0]))
    issue.refresh_from_db()
    keep(issue, Reviewer(moderators[0]))
    search()
    assert LabelIssue.objects.get(ad_id=str(wrong.pk)).state == LabelIssue.State.KEPT


def test_merging_moves_ads_once(host, moderators):
    _found, wrong = host
    tree = CategoryTree.load()
    merge(tree.find(["Home", "Tables"]), tree.find(["Tools", "Drills"]), Reviewer(moderators[0]))
    assert names_of(wrong) == {"Drills", "Gifts"}
    assert sum(row.category_id == tree.find(["Home", "Tables"]) for row in get_source().iter_titles()) == 0
