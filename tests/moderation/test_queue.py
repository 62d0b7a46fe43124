"""The queue in the admin."""

import re
from html import escape, unescape

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ad_autocategorize.models import LabelIssue, ReviewDecision
from ad_autocategorize.moderation.labels import choosing
from ad_autocategorize.moderation.labels.review import Reviewer, accept
from ad_autocategorize.moderation.queue import views
from ad_autocategorize.moderation.queue.progress import COUNTED
from marketplace.models import Ad
from taxonomy.models import Category
from tests.moderation.conftest import confirm, decide

pytestmark = pytest.mark.django_db

LIST = "/admin/ad_autocategorize/labelissue/"
REVIEW = LIST + "review/"


def test_the_list_shows_open_issues_and_filters_them(page, sofa_issue):
    html = page.get(LIST).content.decode()
    assert "sillon sofa modelo 3" in html
    assert "Hogar › Muebles › Sillones" in html
    branch = page.get(LIST, {"branch": sofa_issue.suggested_id}).content.decode()
    assert "sillon sofa modelo 3" not in branch
    assert "sillon sofa modelo 3" in page.get(LIST, {"level": "1", "q": "ana"}).content.decode()
    assert "sillon sofa modelo 3" not in page.get(LIST, {"seller__exact": "nobody"}).content.decode()


def test_a_sellers_name_leads_to_his_ads_whatever_its_signs(page, sofa_issue):
    LabelIssue.objects.filter(pk=sofa_issue.pk).update(seller="ana+ads&co@example.com")
    (query,) = re.findall(r'href="\?(seller__exact=[^"]*)"', page.get(LIST, {"q": sofa_issue.ad_id}).content.decode())
    html = page.get(f"{LIST}?{unescape(query)}").content.decode()
    assert "sillon sofa modelo 3" in html
    assert "moto casco modelo 2" not in html


def test_the_review_page_shows_both_paths_and_one_decision_leads_to_the_next(page, sofa_issue, queue):
    first = LabelIssue.objects.first()
    response = page.get(REVIEW)
    assert response.context["item"].issue == first
    response = decide(page, first, "accept")
    assert Ad.objects.get(pk=first.ad_id).category_id == first.suggested_id
    assert response.context["item"] is None or response.context["item"].issue != first
    undo = reverse("admin:ad_autocategorize_labelissue_undo", args=[ReviewDecision.objects.get().pk])
    assert undo in response.content.decode()
    response = page.post(undo, follow=True)
    assert response.context["item"].issue == first


def test_skipping_goes_through_the_queue_and_ends(page, queue):
    seen = []
    response = page.get(REVIEW)
    while item := response.context["item"]:
        seen.append(item.issue.pk)
        response = decide(page, item.issue, "skip")
    assert seen == list(LabelIssue.objects.values_list("pk", flat=True))
    assert not ReviewDecision.objects.exists()


def test_filters_go_along_from_ad_to_ad(page, sofa_issue):
    response = page.get(REVIEW, {"level": "1"})
    response = decide(page, response.context["item"].issue, "keep", filters=response.context["filters"])
    assert "level=1" in response.redirect_chain[-1][0]


def test_the_filters_survive_undoing_and_thinking_better_of_a_bulk_action(page, sofa_issue):
    narrowed = f"level=1&seller__exact={sofa_issue.seller}"
    html = decide(page, sofa_issue, "keep", filters=narrowed).content.decode()
    (undo,) = re.findall(r'href="([^"]*/undo/[^"]*)" data-key="u"', html)
    back = f'href="{REVIEW}?{escape(narrowed)}"'
    assert back in page.get(unescape(undo)).content.decode()
    settled = page.get(f"{REVIEW}?{narrowed}&issue={sofa_issue.pk}").content.decode()
    assert f'href="{undo}"' in settled
    done, refused = (page.post(unescape(undo), follow=True) for _twice in range(2))
    assert done.context["item"].issue == sofa_issue
    assert done.context["filters"] == refused.context["filters"] == narrowed
    assert "issue=" not in refused.redirect_chain[-1][0]
    bulk = {"action": "keep_selected", "_selected_action": [sofa_issue.pk]}
    assert f'href="{LIST}?{escape(narrowed)}"' in page.post(f"{LIST}?{narrowed}", bulk).content.decode()


def test_another_category_and_a_stale_page(page, sofa_issue, marketplace_tree):
    target = marketplace_tree.find(["Hogar", "Cocina"])
    decide(page, sofa_issue, "other", value="Hogar › Cocina")
    assert Ad.objects.get(pk=sofa_issue.ad_id).category_id == target
    response = decide(page, sofa_issue, "accept")
    # Nobody is told that he was faster than himself.
    assert "Ya decidiste esta entrada" in response.content.decode()
    assert Ad.objects.get(pk=sofa_issue.ad_id).category_id == target


def offered(html):
    """What the buttons of a review page decide."""
    return set(re.findall(r'name="decision" value="(\w+)"', html))


def test_number_keys_repeat_neither_what_is_kept_nor_what_is_accepted(page, sofa_issue):
    kitchen, tables = (Category.objects.get(name=name).pk for name in ("Cocina", "Mesas"))
    sofa_issue.alternatives = [
        [sofa_issue.suggested_id, 0.8],
        [sofa_issue.given_id, 0.1],
        [kitchen, 0.07],
        [tables, 0.03],
    ]
    sofa_issue.save()
    item = page.get(REVIEW, {"issue": sofa_issue.pk}).context["item"]
    # What stands no chance is no alternative.
    assert [choice.category_id for choice in item.choices] == [kitchen]


def test_keys_and_versions_are_written_for_machines_whatever_the_sites_numbers_look_like(page, sofa_issue, settings):
    settings.USE_THOUSAND_SEPARATOR = True
    garden = Category(pk=4321, name="Jardín")
    garden.save()
    sofa_issue.version, sofa_issue.alternatives = 1234, [[garden.pk, 0.1]]
    sofa_issue.save()
    html = page.get(REVIEW, {"issue": sofa_issue.pk}).content.decode()
    assert 'name="version" value="1234"' in html
    assert 'name="decision" value="4321"' in html
    decide(page, sofa_issue, "4321")
    assert Ad.objects.get(pk=sofa_issue.ad_id).category == garden


@pytest.mark.parametrize("typed", ["Hogar › Cocina", "hogar > cocina", "Cocina", " cócina "])
def test_another_category_is_named_by_its_path_or_by_what_only_one_path_ends_with(page, sofa_issue, typed):
    decide(page, sofa_issue, "other", value=typed)
    assert Ad.objects.get(pk=sofa_issue.ad_id).category.name == "Cocina"


@pytest.mark.parametrize(("typed", "told"), [("sill", "varias"), ("gatos", "Ninguna"), (" › ", "Primero elegí")])
def test_words_that_name_no_category_alone_are_kept_and_searched(page, sofa_issue, typed, told):
    response = decide(page, sofa_issue, "other", value=typed)
    html = response.content.decode()
    assert told in html
    assert response.context["item"].issue == sofa_issue
    assert f'value="{typed}"' in html
    sofas = (sofa_issue.suggested_id, "Hogar › Muebles › Sillones")
    assert response.context["matches"] == ([sofas] if typed == "sill" else [])
    assert not ReviewDecision.objects.exists()
    if typed == "sill":
        assert str(sofas[0]) in offered(html.split("<datalist")[1])


def test_a_name_that_two_categories_have_is_not_guessed(page, sofa_issue):
    Category(name="Cocina", parent=Category.objects.get(name="Vehículos")).save()
    response = decide(page, sofa_issue, "other", value="Cocina")
    assert len(response.context["matches"]) == 2
    assert not ReviewDecision.objects.exists()


def test_a_large_tree_is_searched_and_not_listed(page, sofa_issue, monkeypatch):
    assert "<datalist" in page.get(REVIEW, {"issue": sofa_issue.pk}).content.decode()
    monkeypatch.setattr(choosing, "LISTED_AT_ONCE", 2)
    response = decide(page, sofa_issue, "other", value="coc")
    assert "<datalist" not in response.content.decode()
    assert [path for _pk, path in response.context["matches"]] == ["Hogar › Cocina"]


def test_a_settled_entry_offers_to_undo_it_and_no_decision_that_would_be_refused(page, sofa_issue):
    assert offered(page.get(REVIEW, {"issue": sofa_issue.pk}).content.decode()) >= {"accept", "keep", "skip", "other"}
    decide(page, sofa_issue, "keep")
    html = page.get(REVIEW, {"issue": sofa_issue.pk}).content.decode()
    assert offered(html) == {"skip"}
    assert reverse("admin:ad_autocategorize_labelissue_undo", args=[ReviewDecision.objects.get().pk]) in html


@pytest.mark.parametrize("change", [{"title": "perro caniche"}, {"category__name": "Cocina"}])
def test_an_ad_that_changed_since_it_was_found_is_shown_as_it_is_and_can_only_be_skipped(page, sofa_issue, change):
    name = change.pop("category__name", None)
    changes = {"category": Category.objects.get(name=name)} if name else change
    Ad.objects.filter(pk=sofa_issue.ad_id).update(**changes)
    response = page.get(REVIEW, {"issue": sofa_issue.pk})
    html = response.content.decode()
    assert offered(html) == {"skip"}
    assert "próxima búsqueda" in html
    assert response.context["item"].filed_text.endswith(name or "Motos")


def test_where_a_settled_ad_was_filed_is_where_it_is_shown(page, sofa_issue):
    decide(page, sofa_issue, "accept")
    response = page.get(REVIEW, {"issue": sofa_issue.pk})
    assert response.context["item"].filed_text == "Hogar › Muebles › Sillones"
    assert "Hogar › Muebles › Sillones" in response.content.decode()


def test_a_suggestion_out_of_use_is_not_offered_and_whoever_asks_for_it_keeps_the_question(page, sofa_issue):
    sofa_issue.suggested.is_active = False
    sofa_issue.suggested.save()
    html = page.get(REVIEW, {"issue": sofa_issue.pk}).content.decode()
    assert not offered(html) & {"accept", str(sofa_issue.suggested_id)}
    assert "fuera de uso" in html
    response = decide(page, sofa_issue, "accept")
    assert "fuera de uso" in response.content.decode()
    assert response.context["item"].issue == sofa_issue


def test_a_doubt_that_only_a_photo_raises_asks_to_choose(page, sofa_issue, queue):
    unsure = {"kind": "photo", "given_probability": 0.98, "suggested_probability": 0.0}
    LabelIssue.objects.filter(pk=sofa_issue.pk).update(**unsure)
    html = page.get(REVIEW, {"issue": sofa_issue.pk}).content.decode()
    assert offered(html) >= {"keep", "other"}
    assert "accept" not in offered(html)
    assert "La foto muestra otra cosa" in html
    response = decide(page, sofa_issue, "accept")
    assert response.context["item"].issue == sofa_issue
    # Nor many at once.
    data = {"action": "accept_selected", "_selected_action": [issue.pk for issue in queue.values()]}
    html = page.post(LIST, data).content.decode()
    assert "solo la foto contradice la categoría: 1" in html
    assert confirm(page, LIST, html).status_code == 302
    assert ReviewDecision.objects.count() == len(queue) - 1
    assert not ReviewDecision.objects.filter(issue=sofa_issue).exists()


def test_blind_mode_hides_the_suggestion_until_it_is_decided(page, sofa_issue):
    offered = ("?level=1", "?kind__exact=error")
    assert all(link in page.get(LIST).content.decode() for link in offered)
    page.post(REVIEW, {"blind": "1"})
    html = page.get(REVIEW, {"issue": sofa_issue.pk}).content.decode()
    assert 'value="accept"' not in html
    # Nor does it show from where on the suggestion differs.
    assert 'class="review-filed">Vehículos › Motos<' in html
    assert "Sillones" not in html.split('class="review-neighbors"')[0].split("<datalist")[0]
    html = page.get(LIST).content.decode()
    assert sofa_issue.given.name in html
    assert "Sillones" not in html
    assert "accept_selected" not in html
    assert not any(link in html for link in offered)
    # Whoever had filtered before goes on without: by what is left he would know the suggestion.
    for query in ("level=1", "level=3", "kind__exact=error", "suggested__id__exact=1"):
        response = page.get(f"{LIST}?{query}&q=ana", follow=True)
        assert response.redirect_chain == [(f"{LIST}?q=ana", 302)]
        assert "sillon sofa modelo 3" in response.content.decode()
        assert page.get(f"{REVIEW}?{query}&q=ana").context["filters"] == "q=ana"
    bulk = {"action": "keep_selected", "_selected_action": [sofa_issue.pk]}
    assert "Sillones" not in page.post(LIST, bulk).content.decode()
    decide(page, sofa_issue, "accept")
    assert not ReviewDecision.objects.exists()
    response = decide(page, sofa_issue, "other", value="Hogar › Muebles › Sillones")
    assert "Hogar › Muebles › Sillones" in response.content.decode()
    decision = ReviewDecision.objects.get()
    assert (decision.blind, decision.action) == (True, "accepted")


def test_whoever_has_been_shown_the_suggestion_does_not_decide_blind(page, sofa_issue, queue):
    response = page.get(REVIEW, {"q": "ana"})
    first = response.context["item"].issue
    hidden = re.findall(r'<input type="hidden" name="(shown)" value="([^"]*)"', response.content.decode())
    response = page.post(f"{REVIEW}?q=ana", {"blind": "1", **dict(hidden)}, follow=True)
    second = response.context["item"].issue
    assert second != first
    assert response.context["filters"] == "q=ana"
    # Back to it by its address: the page hides the suggestion, the decision is none without it.
    assert 'value="accept"' not in page.get(REVIEW, {"issue": first.pk}).content.decode()
    decide(page, first, "keep")
    decide(page, second, "keep")
    assert dict(ReviewDecision.objects.values_list("issue_id", "blind")) == {first.pk: False, second.pk: True}


def test_what_a_session_keeps_of_the_entries_seen_is_bounded(page, queue, monkeypatch):
    monkeypatch.setattr(views, "SEEN_KEPT", 1)
    keys = sorted(issue.pk for issue in queue.values())[:2]
    for key in keys:
        page.get(REVIEW, {"issue": key})
    assert page.session[views.SEEN_KEY] == [f"labelissue:{keys[-1]}"]


@pytest.mark.parametrize("query", ["foo=bar", "ad_date__gte=yesterday", "branch__id__exact=abc"])
def test_filters_that_make_no_sense_are_taken_off_the_review_page(page, sofa_issue, query):
    response = page.get(f"{REVIEW}?{query}", follow=True)
    assert response.redirect_chain == [(REVIEW, 302)]
    assert response.context["item"] is not None
    assert "no tienen sentido" in response.content.decode()


@pytest.mark.parametrize("branch", ["9" * 30, "abc", "²", "-1"])
def test_there_is_nothing_in_a_branch_that_is_none(page, sofa_issue, branch):
    for url in (LIST, REVIEW):
        response = page.get(url, {"branch": branch})
        assert response.status_code == 200
        assert "sillon sofa modelo 3" not in response.content.decode()


def test_permissions(client, sofa_issue, django_user_model):
    user = django_user_model.objects.create_user("staff", is_staff=True)
    client.force_login(user)
    for url in (LIST, REVIEW):
        assert client.get(url).status_code == 403
    assert decide(client, sofa_issue, "accept").status_code == 403
    user.user_permissions.set(Permission.objects.filter(codename="can_review"))
    assert "accept_selected" not in client.get(LIST).content.decode()
    client.post(LIST, {"action": "accept_selected", "_selected_action": [sofa_issue.pk], "confirmed": "1"})
    assert not ReviewDecision.objects.exists()
    assert client.get(REVIEW).status_code == 200


def test_titles_are_links_for_those_who_may_open_the_ads(page, sofa_issue, moderators, queue):
    # Each is the other's neighbor, for the sake of the test.
    LabelIssue.objects.update(neighbors=list(queue))
    address = {"issue": sofa_issue.pk}
    assert "/admin/marketplace/ad/" not in page.get(REVIEW, address).content.decode()
    moderators[0].user_permissions.add(Permission.objects.get(codename="view_ad"))
    links = re.findall(r"/admin/marketplace/ad/\d+/change/", page.get(REVIEW, address).content.decode())
    assert len(links) == 1 + len(queue)


def test_deleted_ads_are_passed_over_and_looking_deletes_nothing(page, sofa_issue, queue):
    assert len(queue) > 1
    Ad.objects.filter(pk=sofa_issue.ad_id).delete()
    assert page.get(LIST).status_code == 200
    response = page.get(REVIEW, {"issue": sofa_issue.pk})
    assert response.context["item"].issue.pk != sofa_issue.pk
    assert "El aviso ya no existe" in response.content.decode()
    # Many at once are no chain of redirects, at which browsers give up.
    Ad.objects.filter(pk__in=queue).delete()
    response = page.get(REVIEW)
    assert response.status_code == 200
    assert response.context["item"] is None
    assert LabelIssue.objects.count() == len(queue)


def test_many_deleted_ads_are_passed_over_in_a_few_queries(page, sofa_issue, monkeypatch):
    monkeypatch.setattr(views, "LOOKED_UP_AT_ONCE", 30)
    LabelIssue.objects.exclude(pk=sofa_issue.pk).update(priority=-1)
    gone = LabelIssue.objects.filter(pk=sofa_issue.pk).values().get()
    rows = [LabelIssue(**{**gone, "id": None, "ad_id": f"{90_000 + n}", "priority": 9.0 + n % 3}) for n in range(50)]
    LabelIssue.objects.bulk_create(rows)
    page.get(REVIEW)
    with CaptureQueriesContext(connection) as queries:
        response = page.get(REVIEW)
    assert response.context["item"].issue == sofa_issue
    assert len(queries) < 25
    assert not any(query["sql"].startswith("DELETE") for query in queries)


def test_a_full_queue_page_asks_the_database_no_more_than_a_short_one(page, sofa_issue, django_assert_max_num_queries):
    ads = list(Ad.objects.exclude(pk=sofa_issue.ad_id)[:60])
    LabelIssue.objects.exclude(pk=sofa_issue.pk).delete()
    for number, ad in enumerate(ads):
        sofa_issue.pk, sofa_issue.ad_id, sofa_issue.priority = None, str(ad.pk), float(number)
        sofa_issue.save(force_insert=True)
    with django_assert_max_num_queries(12):
        page.get(LIST)
    filters = {"level": sofa_issue.level, "q": sofa_issue.seller}
    # The first time it is also remembered that the suggestion was shown.
    page.get(REVIEW, filters)
    with django_assert_max_num_queries(16) as queries:
        html = page.get(REVIEW, filters).content.decode()
    assert ads[-1].title in html
    # The queue is counted so far that a person knows there is enough to do, and no further.
    counted = [query["sql"] for query in queries if "COUNT(*)" in query["sql"]]
    assert len(counted) == 1 and f"LIMIT {COUNTED + 1}" in counted[0]


def test_the_audit_trail_is_shown_and_cannot_be_changed(page, sofa_issue, moderators):
    decision = accept(sofa_issue, Reviewer(moderators[0]))
    url = "/admin/ad_autocategorize/reviewdecision/"
    assert "Hogar › Muebles › Sillones" in page.get(url).content.decode()
    assert page.post(f"{url}{decision.pk}/change/", {"moderator_name": "x"}).status_code == 403
    assert page.post(f"{url}{decision.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_page_from_before_blind_mode_does_not_file_the_ad_where_the_list_happens_to_stand(page, sofa_issue):
    page.post(REVIEW, {"blind": "1"})
    kitchen = Category.objects.get(name="Cocina")
    response = decide(page, sofa_issue, "accept", value="Cocina")
    assert 'class="error"' in response.content.decode()
    assert not ReviewDecision.objects.exists()
    decide(page, sofa_issue, "other", value="Cocina")
    assert Ad.objects.get(pk=sofa_issue.ad_id).category == kitchen
