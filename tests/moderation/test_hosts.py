"""The queue on sites whose ads point at categories of their own."""

import io

import pytest
from django.contrib.admin import AdminSite, ModelAdmin
from django.core.management import call_command
from django.db.models import Q
from django.urls import path, reverse

from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import LabelIssue, ReviewDecision
from ad_autocategorize.moderation.labels.review import Reviewer, accept, undo
from ad_autocategorize.moderation.mixins import CategoryCheckMixin
from ad_autocategorize.sources import get_source
from taxonomy.models import Category
from taxonomy.tree import CategoryTree
from tests.hosts.nodos.models import Node, Offer
from tests.hosts.rubros.models import Aviso, Rubro
from tests.hosts.secciones.ad_source import SectionAds
from tests.hosts.secciones.models import Group, Listing, Product, Section
from tests.moderation.conftest import find_mislabels, help_text
from tests.plugin.test_sources import HOSTS

pytestmark = [pytest.mark.django_db, pytest.mark.database]

REVIEW = "/admin/ad_autocategorize/labelissue/review/"


def file_wrongly(host):
    """Create an ad of a sofa among the tools."""
    if host == "treebeard":
        return Offer.objects.create(headline="sillon 3", node=Node.objects.get(title="Herramientas"))
    if host == "self-referencing":
        tools = Rubro.objects.get(nombre="Herramientas")
        return Aviso.objects.create(producto="sillon futon 3", detalle="usado", rubro=tools)
    tools, product = Section.objects.get(label="Herramientas"), Product.objects.create(name="sillon 3")
    return Listing.objects.create(product=product, section=tools)


class CheckedAdmin(CategoryCheckMixin, ModelAdmin):
    list_display = ["__str__", "category_check"]


own_site = AdminSite(name="own")
own_site.register([Aviso, Listing, Offer], CheckedAdmin)
urlpatterns = [path("own-admin/", own_site.urls)]


class MovingSectionAds(SectionAds):
    """Two tables, and all that moderators need."""

    def relabel(self, listing, place):
        listing.group = place if isinstance(place, Group) else None
        listing.section = place.section if isinstance(place, Group) else place
        listing.save(update_fields=["group", "section"])

    def ads_filed_at(self, places):
        groups = [place for place in places if isinstance(place, Group)]
        sections = [place for place in places if isinstance(place, Section)]
        return Listing.objects.filter(Q(group__in=groups) | Q(group=None, section__in=sections))


@pytest.fixture
def searched(request, settings):
    """A host, the ad that lies wrongly there, and its issue."""
    dotted, make = HOSTS[request.param]
    make()
    ad = file_wrongly(request.param)
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": dotted})
    call_command("sync_taxonomy", verbosity=0)
    find_mislabels()
    return ad, LabelIssue.objects.get(ad_id=str(ad.pk))


def path_of(ad):
    tree = CategoryTree.load()
    ad = type(ad).objects.get(pk=ad.pk)
    return tree.path_names(get_source().taxonomy_category_id(ad, tree))


@pytest.mark.parametrize("searched", HOSTS, indirect=True)
def test_a_wrong_ad_is_found_and_shown(searched, admin_client):
    ad, issue = searched
    html = admin_client.get(REVIEW, {"issue": issue.pk}).content.decode()
    assert str(ad) in html
    assert "Sillones" in html
    assert "sillon" in admin_client.get("/admin/ad_autocategorize/labelissue/").content.decode()


@pytest.mark.parametrize("searched", HOSTS, indirect=True)
def test_the_hosts_own_ad_admin_shows_the_check_by_the_mixin_alone(
    searched, settings, admin_client, django_assert_max_num_queries
):
    ad, issue = searched
    LabelIssue.objects.filter(pk=issue.pk).update(suggested_probability=0.95)
    call_command("retrain_classifiers", verbosity=0)
    settings.ROOT_URLCONF = __name__
    url = f"/own-admin/{ad._meta.app_label}/{ad._meta.model_name}/"
    assert "⚠ muy probable: Hogar › Sillones (95%)" in admin_client.get(f"{url}{ad.pk}/change/").content.decode()
    # A category's path may cost queries, an ad does not.
    with django_assert_max_num_queries(24):
        html = admin_client.get(url).content.decode()
    assert html.count("⚠") == 1
    assert html.count("✓ coincide") >= 30
    assert admin_client.get(f"{url}add/").status_code == 200


@pytest.mark.parametrize("searched", ["self-referencing", "treebeard"], indirect=True)
def test_the_ad_moves_to_the_hosts_own_category_and_back(searched, moderators):
    ad, issue = searched
    decision = accept(issue, Reviewer(moderators[0]))
    assert path_of(ad) == ("Hogar", "Sillones")
    undo(decision, Reviewer(moderators[1]))
    assert path_of(ad) == ("Herramientas",)


@pytest.mark.parametrize("searched", ["two tables"], indirect=True)
def test_a_host_that_has_not_said_how_ads_move_is_told_and_nothing_changes(searched, admin_client):
    ad, issue = searched
    data = {"version": issue.version, "decision": "accept"}
    response = admin_client.post(f"/admin/ad_autocategorize/labelissue/{issue.pk}/decide/", data, follow=True)
    assert "relabel(ad, category) is missing" in response.content.decode()
    assert path_of(ad) == ("Herramientas",)
    assert not ReviewDecision.objects.exists()


@pytest.fixture
def moving(settings):
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": f"{__name__}.MovingSectionAds"})


@pytest.mark.parametrize("searched", ["two tables"], indirect=True)
def test_a_host_with_a_method_that_says_how_ads_move_has_all_of_it(searched, moving, moderators, admin_client):
    ad, issue = searched
    decision = accept(issue, Reviewer(moderators[0]))
    assert path_of(ad) == ("Hogar", "Sillones")
    undo(decision, Reviewer(moderators[1]))
    tree = CategoryTree.load()
    keys = tree.find(["Herramientas"]), tree.find(["Hogar", "Sillones"])
    admin_client.post(reverse("admin:ad_autocategorize_taxonomyfinding_merge", args=keys))
    assert path_of(ad) == ("Hogar", "Sillones")


class KeysWithoutWayBack(SectionAds):
    def host_category(self, external_id):
        return super(SectionAds, self).host_category(external_id)


@pytest.mark.parametrize("searched", ["two tables"], indirect=True)
def test_keys_that_lead_nowhere_are_told_when_categories_are_mirrored_and_are_no_crash(
    searched, settings, admin_client
):
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": f"{__name__}.KeysWithoutWayBack"})
    errors = io.StringIO()
    call_command("sync_taxonomy", stdout=io.StringIO(), stderr=errors)
    assert "moderators cannot file ads there" in errors.getvalue()
    data = {"version": searched[1].version, "decision": "accept"}
    url = f"/admin/ad_autocategorize/labelissue/{searched[1].pk}/decide/"
    response = admin_client.post(url, data, follow=True)
    assert "Override it where keys are not primary keys" in response.content.decode()


@pytest.mark.parametrize("searched", HOSTS, indirect=True)
def test_hosts_whose_keys_lead_back_hear_nothing(searched):
    errors = io.StringIO()
    call_command("sync_taxonomy", stdout=io.StringIO(), stderr=errors)
    assert errors.getvalue() == "Reading the site's categories.\n"


@pytest.mark.parametrize("searched", ["self-referencing", "treebeard"], indirect=True)
def test_a_merge_moves_the_hosts_ads_and_says_what_is_left_to_do(searched, admin_client):
    tree = CategoryTree.load()
    keys = tree.find(["Herramientas"]), tree.find(["Hogar", "Sillones"])
    url = reverse("admin:ad_autocategorize_taxonomyfinding_merge", args=keys)
    assert "sync_taxonomy" in admin_client.get(url).content.decode()
    moving = admin_client.get(reverse("admin:ad_taxonomy_category_change", args=[keys[0]])).content.decode()
    assert "sync_taxonomy" in help_text(moving, "parent")
    admin_client.post(url)
    assert path_of(searched[0]) == ("Hogar", "Sillones")
    assert not Category.objects.get(name="Herramientas").is_active
