"""Merging a category into another."""

import pytest
from django.contrib.admin.models import LogEntry

from ad_autocategorize.models import ReviewDecision
from ad_autocategorize.moderation.merging import MergeRefused, merge, plan_merge
from ad_autocategorize.moderation.review import Reviewer, undo
from ad_autocategorize.services import suggest_categories
from ad_autocategorize.sources import AdSource, SourceError
from marketplace.models import Ad
from taxonomy.models import Category

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def pair(trained):
    return trained.find(["Hogar", "Muebles", "Sillones"]), trained.find(["Hogar", "Muebles", "Mesas"])


def test_the_plan_tells_what_is_affected(pair):
    plan = plan_merge(*pair)
    assert plan.ads == Ad.objects.filter(category=pair[0]).count()
    assert plan.classifiers == ("Hogar › Muebles",)
    assert plan.model.startswith("titles-")


def test_ads_move_the_emptied_category_is_suggested_no_more_and_all_can_be_undone(pair, moderators):
    moved = merge(*pair, Reviewer(moderators[0]))
    assert moved == ReviewDecision.objects.count() > 0
    assert not Ad.objects.filter(category=pair[0]).exists()
    assert not Category.objects.get(pk=pair[0]).is_active
    assert pair[0] not in {suggestion.category_id for suggestion in suggest_categories("sofa futon").suggestions}
    assert len(set(ReviewDecision.objects.values_list("batch", flat=True))) == 1
    assert LogEntry.objects.first().change_message.endswith("Mesas.")
    for decision in list(ReviewDecision.objects.all()):
        undo(decision, Reviewer(moderators[0]))
    assert Ad.objects.filter(category=pair[0]).count() == moved


def test_what_cannot_be_merged_is_refused(trained, pair):
    for keys in ((pair[0], pair[0]), (trained.find(["Hogar", "Muebles"]), pair[0]), (0, pair[0])):
        with pytest.raises(MergeRefused):
            plan_merge(*keys)
    target = Category.objects.get(pk=pair[1])
    target.is_active = False
    target.save()
    with pytest.raises(MergeRefused, match="fuera de uso"):
        plan_merge(*pair)


def test_a_failure_half_way_moves_nothing(pair, moderators, monkeypatch):
    moved, relabel = [], AdSource.relabel

    def fail_later(self, ad, category):
        moved.append(ad)
        if len(moved) == 3:
            raise SourceError("no")
        relabel(self, ad, category)

    monkeypatch.setattr(AdSource, "relabel", fail_later)
    before = Ad.objects.filter(category=pair[0]).count()
    with pytest.raises(SourceError):
        merge(*pair, Reviewer(moderators[0]))
    assert Ad.objects.filter(category=pair[0]).count() == before
    assert Category.objects.get(pk=pair[0]).is_active


def test_the_page_asks_first_and_wants_both_permissions(pair, admin_client, client, moderators):
    url = f"/admin/ad_autocategorize/taxonomyfinding/merge/{pair[0]}/{pair[1]}/"
    html = admin_client.get(url).content.decode()
    assert "Hogar › Muebles › Sillones" in html
    # Ads point at the taxonomy itself here: there is nothing to mirror.
    assert "sync_taxonomy" not in html
    assert Ad.objects.filter(category=pair[0]).exists()
    client.force_login(moderators[0])
    assert client.post(url).status_code == 403
    page = admin_client.post(url, follow=True).content.decode()
    assert not Ad.objects.filter(category=pair[0]).exists()
    # The message leads to where it is all undone.
    assert f"?batch__exact={ReviewDecision.objects.first().batch}" in page


def test_a_category_says_before_and_after_a_move_what_depends_on_its_place(trained, admin_client):
    tables = Category.objects.get(name="Mesas")
    url = f"/admin/taxonomy/category/{tables.pk}/change/"
    count = Ad.objects.filter(category=tables).count()
    assert f"{count} " in admin_client.get(url).content.decode().split("id_parent_helptext")[-1]
    kitchen = Category.objects.get(name="Cocina")
    data = {"name": "Mesas", "slug": "mesas", "parent": kitchen.pk, "is_active": "on"}
    response = admin_client.post(url, data, follow=True)
    assert "Hogar › Cocina" in "".join(str(message) for message in response.context["messages"])
    assert suggest_categories("mesa ratona").suggestions[0].path_text == "Hogar › Cocina › Mesas"
