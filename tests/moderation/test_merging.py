"""Merging a category into another."""

import io
import threading

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.urls import reverse
from django.utils import translation

from ad_autocategorize.categories.services import active_tree, suggest_categories
from ad_autocategorize.models import LabelIssue, ReviewDecision
from ad_autocategorize.moderation.labels.review import ReviewConflict, Reviewer, accept, choose, undo
from ad_autocategorize.moderation.tree.merging import MERGE_LIMIT, MergeRefused, merge, plan_merge
from ad_autocategorize.sources import AdSource, SourceError
from marketplace.models import Ad
from taxonomy.bulk import CategoryRow, upsert_categories
from taxonomy.models import Category
from tests.moderation.conftest import at_once, help_text

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
    with translation.override("es"), pytest.raises(MergeRefused, match="fuera de uso"):
        plan_merge(*pair)


def test_the_second_of_two_tabs_is_told(pair, admin_client):
    url, reverse = (f"/admin/ad_autocategorize/taxonomyfinding/merge/{a}/{b}/" for a, b in (pair, pair[::-1]))
    for address in (url, reverse):
        assert admin_client.get(address).status_code == 200
    admin_client.get("/")
    admin_client.post(url)
    ads, decisions = Ad.objects.filter(category=pair[1]).count(), ReviewDecision.objects.count()
    assert "vacía y fuera de uso" in admin_client.post(url, follow=True).content.decode()
    assert "fuera de uso" in admin_client.post(reverse, follow=True).content.decode()
    assert (Ad.objects.filter(category=pair[1]).count(), ReviewDecision.objects.count()) == (ads, decisions)


def test_what_is_too_much_for_a_request_is_for_the_command(pair, admin_client, moderators):
    ads, seller = Ad.objects.filter(category=pair[0]), Ad.objects.first().seller
    count = ads.count()
    Ad.objects.bulk_create(Ad(title="sofa", category_id=pair[0], seller=seller) for _ in range(MERGE_LIMIT))
    url = f"/admin/ad_autocategorize/taxonomyfinding/merge/{pair[0]}/{pair[1]}/"
    for answer in (admin_client.get(url, follow=True), admin_client.post(url, follow=True)):
        assert "manage.py merge_categories" in answer.content.decode()
    assert ads.count() == MERGE_LIMIT + count
    # The same command, on fewer for the sake of time.
    ads.filter(title="sofa").delete()
    out = io.StringIO()
    arguments = ("merge_categories", "Hogar > Muebles > Sillones", "Hogar>Muebles>Mesas", "--moderator", "eva")
    call_command(*arguments, "--dry-run", stdout=out)
    assert f"{count} ads" in out.getvalue()
    assert "Hogar › Muebles" in out.getvalue()
    assert ads.count() == count
    call_command(*arguments, stdout=out)
    assert not ads.exists()
    assert set(ReviewDecision.objects.values_list("moderator_name", "action")) == {("eva", "corrected")}
    assert ReviewDecision.objects.count() == count


@pytest.mark.parametrize(
    ("category", "moderator", "told"),
    [
        ("Hogar > Nada", "eva", "Hogar > Nada"),
        ("Hogar > Muebles", "eva", "debajo"),
        ("Hogar > Cocina", "nobody", "nobody"),
        ("Hogar > Muebles > Mesas", "eva", "dos categorías"),
    ],
)
def test_the_command_explains_what_cannot_be_merged(pair, moderators, category, moderator, told):
    with translation.override("es"), pytest.raises(CommandError, match=told):
        call_command("merge_categories", category, "Hogar > Muebles > Mesas", "--moderator", moderator)


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


@pytest.mark.parametrize("missing", ["can_review", "can_bulk_relabel", "change_category"])
def test_merging_wants_all_that_its_pages_want(pair, client, moderators, missing):
    names = {"can_review", "can_bulk_relabel", "change_category"} - {missing}
    moderators[0].user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(moderators[0])
    assert client.post(f"/admin/ad_autocategorize/taxonomyfinding/merge/{pair[0]}/{pair[1]}/").status_code == 403
    assert Ad.objects.filter(category=pair[0]).exists()
    assert not ReviewDecision.objects.exists()


def test_any_category_is_merged_into_any_other_from_the_list(pair, trained, admin_client, client, moderators):
    address, kitchen = "/admin/ad_taxonomy/category/", trained.find(["Hogar", "Cocina"])

    def select(*keys, who=admin_client):
        return who.post(address, {"action": "merge_selected", "_selected_action": keys}, follow=True)

    assert 'value="merge_selected"' in admin_client.get(address, {"q": "sillones"}).content.decode()
    asked = select(kitchen)
    assert f'<option value="{pair[0]}">Hogar › Muebles › Sillones</option>' in asked.content.decode()
    assert f'<option value="{kitchen}">' not in asked.content.decode()
    url = asked.redirect_chain[-1][0]
    plan = admin_client.get(url, {"into": pair[0]}, follow=True).context["plan"]
    assert (plan.source_path, plan.target_path) == ("Hogar › Cocina", "Hogar › Muebles › Sillones")
    for into in ("", "abc", "9" * 30, "0"):
        assert "targets" in admin_client.get(url, {"into": into}).context
    admin_client.get("/")
    assert "Elegí una categoría" in select(*pair).content.decode()
    assert "ya no está" in admin_client.get(url.replace(str(kitchen), "99999"), follow=True).content.decode()
    user = moderators[0]
    user.user_permissions.set(Permission.objects.filter(codename__in=["change_category", "can_review"]))
    client.force_login(user)
    # What would be refused is not offered.
    assert 'value="merge_selected"' not in client.get(address, {"q": "sillones"}).content.decode()
    assert client.get(url).status_code == 403
    select(kitchen, who=client)
    assert not ReviewDecision.objects.exists()


def test_a_category_says_before_and_after_a_move_what_depends_on_its_place(trained, admin_client):
    tables = Category.objects.get(name="Mesas")
    url = f"/admin/ad_taxonomy/category/{tables.pk}/change/"
    count = Ad.objects.filter(category=tables).count()
    admin_client.get("/")
    told = help_text(admin_client.get(url).content.decode(), "parent")
    assert f"{count} avisos" in told
    assert "Hogar › Muebles, " in told
    kitchen = Category.objects.get(name="Cocina")
    data = {"name": "Mesas", "slug": "mesas", "parent": kitchen.pk, "is_active": "on"}
    response = admin_client.post(url, data, follow=True)
    told = "".join(str(message) for message in response.context["messages"])
    # Where it was, and where it is.
    assert "Hogar › Muebles; Hogar › Cocina (titles-" in told
    assert f"{count} avisos" in told
    assert "sync_taxonomy" not in told
    assert suggest_categories("mesa ratona").suggestions[0].path_text == "Hogar › Cocina › Mesas"
    # A new name alone moves nothing.
    response = admin_client.post(url, {**data, "name": "Mesas y mesitas"}, follow=True)
    assert "titles-" not in "".join(str(message) for message in response.context["messages"])


def test_without_a_model_it_is_told_how_many_ads_move(marketplace_tree, admin_client):
    tables = Category.objects.get(name="Mesas")
    admin_client.get("/")
    html = admin_client.get(f"/admin/ad_taxonomy/category/{tables.pk}/change/").content.decode()
    assert f"{Ad.objects.filter(category=tables).count()} avisos" in help_text(html, "parent")


@pytest.mark.django_db(transaction=True)
def test_of_two_merges_in_opposite_directions_at_the_same_moment_one_happens(pair, moderators):
    eva, luis = moderators
    results = at_once(
        lambda: lambda: merge(*pair, Reviewer(eva)),
        lambda: lambda: merge(*pair[::-1], Reviewer(luis)),
    )
    assert [isinstance(result, MergeRefused | ReviewConflict) for result in results].count(True) == 1
    assert [type(result) for result in results].count(int) == 1
    (left,) = Category.objects.filter(pk__in=pair, is_active=True)
    assert Ad.objects.filter(category=left).count() == Ad.objects.filter(category__in=pair).count() > 0


def meanwhile(held, act):
    """Run ``act`` in a thread while a transaction that has run ``held`` is open; return what either returned or raised."""
    results = []

    def run():
        try:
            results.append(act())
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    with transaction.atomic():
        first = held()
        thread.start()
        thread.join(timeout=1)
        # It waits for the end of this transaction.
        assert results == []
    thread.join()
    return first, results[0]


@pytest.fixture
def sofa_among_motorbikes(queue, sofa_issue, marketplace_tree):
    """An issue whose suggestion, Sillones, may be merged into Mesas."""
    into = marketplace_tree.find(["Hogar", "Muebles", "Mesas"])
    assert sofa_issue.suggested_id == marketplace_tree.find(["Hogar", "Muebles", "Sillones"])
    return sofa_issue, (sofa_issue.suggested_id, into)


@pytest.mark.django_db(transaction=True)
def test_no_ad_is_filed_at_a_category_that_is_merged_away_at_this_moment(sofa_among_motorbikes, moderators):
    (issue, pair), (eva, luis) = sofa_among_motorbikes, map(Reviewer, moderators)
    # A merge answers the questions that suggest the emptied category; this one suggests another, and Sillones is chosen.
    LabelIssue.objects.filter(pk=issue.pk).update(suggested=Category.objects.get(name="Cocina"))
    issue.refresh_from_db()

    def decide():
        with translation.override("es"):
            return choose(issue, pair[0], luis)

    moved, refused = meanwhile(lambda: merge(*pair, eva), decide)
    assert moved > 0
    assert isinstance(refused, ReviewConflict)
    assert "fuera de uso" in str(refused)
    assert not Ad.objects.filter(category=pair[0]).exists()
    assert Ad.objects.get(pk=issue.ad_id).category_id == issue.given_id


@pytest.mark.django_db(transaction=True)
def test_a_merge_takes_along_the_ad_that_is_filed_there_at_this_moment(sofa_among_motorbikes, moderators):
    (issue, pair), (eva, luis) = sofa_among_motorbikes, map(Reviewer, moderators)
    before = Ad.objects.filter(category=pair[0]).count()
    _decision, moved = meanwhile(lambda: accept(issue, luis), lambda: merge(*pair, eva))
    assert moved == before + 1
    assert Ad.objects.get(pk=issue.ad_id).category_id == pair[1]


@pytest.mark.django_db(transaction=True)
def test_a_merge_takes_along_the_ads_of_a_bulk_action_too(sofa_among_motorbikes, moderators, client):
    issue, pair = sofa_among_motorbikes
    before = Ad.objects.filter(category=pair[0]).count()
    client.force_login(moderators[1])

    def accept_in_bulk():
        data = {"action": "accept_selected", "_selected_action": [issue.pk], "confirmed": "1"}
        return client.post("/admin/ad_autocategorize/labelissue/", {**data, "seen": f"{issue.pk}:{issue.version}"})

    _response, moved = meanwhile(accept_in_bulk, lambda: merge(*pair, Reviewer(moderators[0])))
    assert moved == before + 1
    assert Ad.objects.get(pk=issue.ad_id).category_id == pair[1]


@pytest.mark.parametrize("half_way", [False, True])
def test_a_merge_that_is_taken_back_leaves_nothing_behind_in_the_process(pair, moderators, monkeypatch, half_way):
    def fail(self, ad, category):
        raise SourceError("no")

    monkeypatch.setattr(AdSource, "relabel", fail)
    source = Category.objects.get(pk=pair[0])
    source.is_active = half_way
    source.save()
    with pytest.raises(SourceError if half_way else MergeRefused):
        merge(pair[1], pair[0], Reviewer(moderators[0]))
    # As another process does, which gets the version that the refused merge gave back.
    target = Category.objects.get(pk=pair[1])
    target.is_active = False
    target.save()
    assert pair[1] not in active_tree()


def test_names_of_categories_are_no_html_on_the_page_that_tells_what_a_move_affects(trained, admin_client):
    sofas = Category.objects.get(pk=trained.find(["Hogar", "Muebles", "Sillones"]))
    parent = sofas.parent
    parent.name = "<img src=x>"
    parent.save()
    html = admin_client.get(reverse("admin:ad_taxonomy_category_change", args=[sofas.pk])).content.decode()
    assert "Hogar › &lt;img src=x&gt;" in html
    assert "<img src=x>" not in html


def test_a_name_that_holds_the_sign_between_steps_can_be_merged(moderators):
    upsert_categories([CategoryRow(("Pantallas", "> 40 pulgadas")), CategoryRow(("Pantallas", "Otras"))])
    out = io.StringIO()
    call_command("merge_categories", r"Pantallas > \> 40 pulgadas", "Pantallas > Otras", "--moderator=eva", stdout=out)
    assert "Pantallas › > 40 pulgadas -> Pantallas › Otras: 0 ads" in out.getvalue()
    assert not Category.objects.get(name="> 40 pulgadas").is_active
