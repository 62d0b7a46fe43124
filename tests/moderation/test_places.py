"""The queue's filters after categories have moved."""

import pytest

from ad_autocategorize.models import LabelIssue, ReviewDecision
from ad_autocategorize.moderation.labels import places
from ad_autocategorize.moderation.labels.review import Reviewer, accept, undo
from marketplace.models import Ad
from taxonomy.bulk import CategoryRow, upsert_categories
from taxonomy.models import Category

pytestmark = [pytest.mark.django_db, pytest.mark.database]

LIST = "/admin/ad_autocategorize/labelissue/"


def at(*path):
    category = None
    for name in path:
        category = Category.objects.get(name=name, parent=category)
    return category


def listed(client, **filters):
    return {issue.ad_id for issue in client.get(LIST, filters).context["cl"].result_list}


def test_the_list_follows_a_category_that_moves_in_the_admin(sofa_issue, admin_client):
    cars, home, bikes = at("Vehículos"), at("Hogar"), at("Vehículos", "Motos")
    assert sofa_issue.ad_id in listed(admin_client, branch=cars.pk, level=1)
    admin_client.post(
        f"/admin/ad_taxonomy/category/{bikes.pk}/change/",
        {"name": "Motos", "slug": "motos", "parent": home.pk, "is_active": "on"},
    )
    bikes.refresh_from_db()
    assert bikes.parent_id == home.pk
    # A motorbike of the household: the paths part one level further down.
    assert sofa_issue.ad_id in listed(admin_client, branch=home.pk, level=2)
    assert sofa_issue.ad_id not in listed(admin_client, branch=cars.pk)


def test_the_list_follows_a_branch_that_an_import_moves_with_all_below_it(sofa_issue, monkeypatch):
    monkeypatch.setattr(places, "WRITTEN_AT_ONCE", 2)
    Category.objects.filter(name="Hogar").update(external_id="h")
    Category.objects.filter(name="Vehículos").update(external_id="v")
    LabelIssue.objects.filter(pk=sofa_issue.pk).update(state="kept")
    copies = LabelIssue.objects.filter(pk=sofa_issue.pk).values().get()
    LabelIssue.objects.bulk_create(LabelIssue(**{**copies, "id": None, "ad_id": f"copy {n}"}) for n in range(5))
    upsert_categories(
        [CategoryRow(("Todo",)), CategoryRow(("Todo", "Hogar"), "h"), CategoryRow(("Todo", "Vehículos"), "v")]
    )
    alike = LabelIssue.objects.filter(given=sofa_issue.given_id, suggested=sofa_issue.suggested_id)
    assert alike.count() == 6
    assert set(alike.values_list("branch__name", "level")) == {("Todo", 2)}


def test_what_does_not_move_costs_nothing(sofa_issue):
    category = at("Vehículos", "Motos")
    LabelIssue.objects.update(level=9)
    category.name = "Motocicletas"
    category.save()
    Category.objects.create(name="Triciclos", parent=at("Vehículos"))
    upsert_categories([CategoryRow(("Vehículos", "Autos")), CategoryRow(("Nuevo", "Aun más nuevo"))])
    assert set(LabelIssue.objects.values_list("level", flat=True)) == {9}


def test_an_undone_decision_brings_the_branch_of_the_former_category_back(sofa_issue, moderators):
    decision = accept(sofa_issue, Reviewer(moderators[0]))
    home = at("Hogar")
    # A later search asks about the ad where it is now.
    LabelIssue.objects.filter(pk=sofa_issue.pk).update(state="open", given=decision.to_category, branch=home)
    undo(ReviewDecision.objects.get(), Reviewer(moderators[0]))
    sofa_issue.refresh_from_db()
    assert (sofa_issue.given, sofa_issue.branch) == (at("Vehículos", "Motos"), at("Vehículos"))
    assert Ad.objects.get(pk=sofa_issue.ad_id).category == sofa_issue.given


def test_the_level_is_the_one_that_searches_find(queue):
    before = set(LabelIssue.objects.values_list("pk", "branch", "level"))
    LabelIssue.objects.update(level=9, branch=at("Hogar", "Cocina"))
    places.follow_moved_categories()
    assert set(LabelIssue.objects.values_list("pk", "branch", "level")) == before
