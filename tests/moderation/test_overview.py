"""The moderators' first page, and finding one's way from there."""

import re
from datetime import timedelta
from types import ModuleType

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.urls import path
from django.utils import timezone, translation
from django.utils.text import capfirst

from ad_autocategorize.models import LabelIssue, ReviewDecision, TaxonomyFinding
from ad_autocategorize.moderation.labels.review import Reviewer, keep, undo
from ad_autocategorize.moderation.queue import progress
from ad_autocategorize.moderation.queue.progress import Progress, progress_of
from marketplace import urls as marketplace_urls
from marketplace.models import Ad
from taxonomy.bulk import CategoryRow, upsert_categories
from tests.moderation.conftest import decide, find_mislabels

pytestmark = pytest.mark.django_db
ADMIN = "/admin/ad_autocategorize"
FIRST, LIST, REVIEW = f"{ADMIN}/moderation/", f"{ADMIN}/labelissue/", f"{ADMIN}/labelissue/review/"
# The second would put another admin in the place of this process's for good.
THEMES = {"jazzmin": "jazzmin", "unfold": "unfold.apps.BasicAppConfig"}


def test_it_says_what_is_open_and_where_to_start(page, sofa_issue, queue):
    html = page.get(FIRST).content.decode()
    assert f'<p class="aac-number">{len(queue)}</p>' in html.replace("\n", "")
    assert f'href="{REVIEW}"' in html
    assert f"{LabelIssue.objects.filter(level=1).count()} en una categoría principal" in html or "level=1" in html
    # What the index spares a person is found here.
    assert f'href="{ADMIN}/reviewdecision/"' in html
    assert f'href="{ADMIN}/suggestionevent/"' in html


def test_the_index_lists_tasks_and_no_records(page, sofa_issue):
    html = page.get("/admin/").content.decode()
    assert f'href="{FIRST}"' in html
    assert f'href="{LIST}"' in html
    assert not re.findall(r'href="[^"]*/(reviewdecision|cardecision|suggestionevent|carfieldevent)/"', html)


LISTED = ["labelissue", "carissue", "reviewdecision", "suggestionevent", "modelversion", "taxonomyfinding"]


@pytest.mark.parametrize("name", LISTED)
def test_a_list_is_headed_by_what_it_lists(admin_client, name):
    with translation.override("en"):
        html = admin_client.get(f"{ADMIN}/{name}/", headers={"accept-language": "en"}).content.decode()
        title = capfirst(str(apps.get_model("ad_autocategorize", name)._meta.verbose_name_plural))
    assert f"<h1>{title}</h1>" in html


def test_each_card_is_for_those_who_may_open_what_it_leads_to(client, sofa_issue, django_user_model):
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    assert client.get(FIRST).status_code == 403
    clerk.user_permissions.add(Permission.objects.get(codename="view_taxonomyfinding"))
    html = client.get(FIRST).content.decode()
    assert f"{ADMIN}/taxonomyfinding/" in html
    assert "/review/" not in html and f"{ADMIN}/reviewdecision/" not in html


def test_a_blind_moderator_is_not_told_why_ads_are_doubted(page, sofa_issue):
    assert "level=1" in page.get(FIRST).content.decode()
    page.post(REVIEW, {"blind": "1"})
    assert "level=1" not in page.get(FIRST).content.decode()


def test_what_is_put_off_is_not_counted(page, unhealthy_pair):
    assert "kind__exact=merge" in page.get(FIRST).content.decode()
    page.post(f"{ADMIN}/taxonomyfinding/{unhealthy_pair.pk}/postpone/")
    assert "kind__exact=merge" not in page.get(FIRST).content.decode()


@pytest.fixture
def unhealthy_pair(marketplace_tree):
    sofas, tables = (marketplace_tree.find(["Hogar", "Muebles", name]) for name in ("Sillones", "Mesas"))
    details = {"there": 0.3, "back": 0.2, "near_identical_filed_differently": 4}
    ads = Ad.objects.filter(category_id__in=(sofas, tables))
    return TaxonomyFinding.objects.create(
        kind="merge", category_id=sofas, other_id=tables, ads=20, weight=0.5, details=details,
        examples=[str(ad.pk) for ad in ads[:4]], found_at=timezone.now(),
    )  # fmt: skip


def test_a_moderator_goes_on_with_the_filters_used_last(page, sofa_issue):
    assert f'href="{REVIEW}?' not in page.get(FIRST).content.decode().replace("?level=", "").replace("?field=", "")
    page.get(REVIEW, {"q": "sofa", "level": "1"})
    assert f'href="{REVIEW}?q=sofa&amp;level=1"' in page.get(FIRST).content.decode()
    page.get(REVIEW)
    assert "q=sofa" not in page.get(FIRST).content.decode()


def test_the_days_work_and_its_pace(sofa_issue, queue, moderators, monkeypatch):
    eva, luis = moderators
    everything = LabelIssue.objects.filter(state="open")
    assert progress_of(everything, ReviewDecision, eva) == Progress(len(queue), 0, 0, None)
    undo(keep(sofa_issue, Reviewer(luis)), Reviewer(luis))
    assert progress_of(everything, ReviewDecision, luis).today == 0
    rows = [ReviewDecision(ad_id="1", action="kept", moderator=eva, moderator_name="eva") for _ in range(5)]
    ReviewDecision.objects.bulk_create(rows)
    # The last but one is behind a break of ten minutes, the last of yesterday.
    ago = (0, 10, 20, 620, 86_400)
    now = timezone.now()
    for row, seconds in zip(ReviewDecision.objects.filter(ad_id="1").order_by("pk"), ago, strict=True):
        _set_time(row, now - timedelta(seconds=seconds))
    found = progress_of(everything, ReviewDecision, eva)
    assert found.seconds == 10
    assert found.minutes_left == 1
    monkeypatch.setattr(progress, "COUNTED", 1)
    found = progress_of(everything, ReviewDecision, eva)
    assert (found.is_more, found.shown_open, found.minutes_left) == (True, 1, None)


def _set_time(decision, moment):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {ReviewDecision._meta.db_table} SET created_at = %s WHERE id = %s", [str(moment), decision.pk]
        )


@pytest.mark.parametrize(
    ("typed", "is_found"),
    [("SILLÓN mod", True), ("sofa sillon", True), ("casco", False), ("ana", True), ("anab", False)],
)
def test_entries_are_searched_by_words_of_the_title(page, sofa_issue, typed, is_found):
    LabelIssue.objects.exclude(pk=sofa_issue.pk).delete()
    assert (page.get(REVIEW, {"q": typed}).context["item"] is not None) == is_found
    assert ("sillon sofa modelo 3" in page.get(LIST, {"q": typed}).content.decode()) == is_found


def test_undoing_after_the_title_changed_is_found_by_the_title_of_today(page, sofa_issue):
    decide(page, sofa_issue, "keep")
    Ad.objects.filter(pk=sofa_issue.ad_id).update(title="Perchero")
    page.post(f"{LIST}undo/{ReviewDecision.objects.get().pk}/")
    assert page.get(REVIEW, {"q": "perchero"}).context["item"].issue == sofa_issue


def urls_of_unfold():
    """The site's addresses with an admin of that theme's own class, which it puts in place where a site starts with it."""
    from unfold.sites import UnfoldAdminSite

    site = UnfoldAdminSite()
    for model, registered in admin.site._registry.items():
        site.register(model, type(registered))
    others = [pattern for pattern in marketplace_urls.urlpatterns if str(pattern.pattern) != "admin/"]
    module = ModuleType("urls_of_unfold")
    module.urlpatterns = [path("admin/", site.urls), *others]
    return module


@pytest.mark.parametrize("theme", THEMES)
def test_every_page_has_its_controls_in_themed_admins(client, moderators, sofa_issue, unhealthy_pair, settings, theme):
    pytest.importorskip(theme)
    settings.INSTALLED_APPS = [THEMES[theme], *settings.INSTALLED_APPS]
    if theme == "unfold":
        settings.ROOT_URLCONF = urls_of_unfold()
    client.force_login(moderators[0])
    client.get("/")
    decide(client, LabelIssue.objects.exclude(pk=sofa_issue.pk).first(), "keep")
    controls = {
        FIRST: ('class="aac-button aac-first"', REVIEW),
        f"{REVIEW}?issue={sofa_issue.pk}": (
            'value="accept"',
            'value="keep"',
            'value="skip"',
            'name="value"',
            'name="q"',
        ),
        LIST: ("sillon sofa modelo 3", "/review/", "accept_selected"),
        f"{ADMIN}/carissue/": ("/review/",),
        f"{ADMIN}/carissue/review/": ("review-page",),
        f"{ADMIN}/reviewdecision/": ("undo_selected",),
        f"{ADMIN}/taxonomyfinding/": ("health-card", f"{unhealthy_pair.pk}/postpone/", "/csv/"),
        f"{ADMIN}/suggestionevent/feedback/": (),
    }
    for address, wanted in controls.items():
        response = client.get(address)
        assert response.status_code == 200, address
        html = response.content.decode()
        assert [text for text in wanted if text not in html] == [], address


def test_the_list_of_a_wide_tree_breaks_its_paths(page, sofa_issue):
    html = page.get(LIST).content.decode()
    assert "Vehículos › Motos<br>→ <strong>Hogar › Muebles › Sillones</strong>" in html


def test_searching_again_keeps_what_was_put_off(admin_client, marketplace_tree, unhealthy_pair):
    listed = f"{ADMIN}/taxonomyfinding/"
    admin_client.get("/")
    assert "health-card" in admin_client.get(listed).content.decode()
    assert admin_client.get(f"{listed}{unhealthy_pair.pk}/postpone/").status_code == 405
    response = admin_client.post(f"{listed}{unhealthy_pair.pk}/postpone/?kind__exact=merge", follow=True)
    assert response.redirect_chain[0][0].endswith("?kind__exact=merge")
    assert "health-card" not in response.content.decode()
    # The next search finds the same pair, the other way round.
    TaxonomyFinding.objects.all().delete()
    unhealthy_pair.pk = None
    unhealthy_pair.category_id, unhealthy_pair.other_id = unhealthy_pair.other_id, unhealthy_pair.category_id
    unhealthy_pair.save(force_insert=True)
    find_again = admin_client.get(listed).content.decode()
    assert "health-card" not in find_again
    assert "health-card" in admin_client.get(listed, {"postponed": "yes"}).content.decode()
    admin_client.post(f"{listed}{unhealthy_pair.pk}/postpone/", {"again": "1"})
    assert "health-card" in admin_client.get(listed).content.decode()


def test_nobody_puts_off_what_they_may_only_look_at(client, unhealthy_pair, django_user_model):
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_taxonomyfinding"))
    client.force_login(clerk)
    listed = f"{ADMIN}/taxonomyfinding/"
    assert "/postpone/" not in client.get(listed).content.decode()
    assert client.post(f"{listed}{unhealthy_pair.pk}/postpone/").status_code == 403


def test_a_search_leaves_what_was_put_off_alone(mislabelled, admin_client):
    # A category without ads: the search has something to say of the tree.
    upsert_categories([CategoryRow(("Hogar", "Alfombras"))])
    find_mislabels()
    finding = TaxonomyFinding.objects.get(category__name="Alfombras")
    admin_client.post(f"{ADMIN}/taxonomyfinding/{finding.pk}/postpone/")
    shown = admin_client.get(f"{ADMIN}/taxonomyfinding/", {"postponed": "yes"}).content.decode().count("health-card")
    find_mislabels()
    again = admin_client.get(f"{ADMIN}/taxonomyfinding/", {"postponed": "yes"}).content.decode().count("health-card")
    assert again == shown == 1
