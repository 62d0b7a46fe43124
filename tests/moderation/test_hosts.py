"""The queue on sites whose ads point at categories of their own."""

import pytest
from django.core.management import call_command
from django.urls import reverse

from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import LabelIssue, ReviewDecision
from ad_autocategorize.moderation.review import Reviewer, accept, undo
from ad_autocategorize.sources import get_source
from taxonomy.models import Category
from taxonomy.tree import CategoryTree
from tests.hosts.nodos.models import Node, Offer
from tests.hosts.rubros.models import Aviso, Rubro
from tests.hosts.secciones.models import Listing, Product, Section
from tests.moderation.conftest import find_mislabels
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


@pytest.mark.parametrize("searched", ["self-referencing", "treebeard"], indirect=True)
def test_a_merge_moves_the_hosts_ads_and_says_what_is_left_to_do(searched, admin_client):
    tree = CategoryTree.load()
    keys = tree.find(["Herramientas"]), tree.find(["Hogar", "Sillones"])
    url = reverse("admin:ad_autocategorize_taxonomyfinding_merge", args=keys)
    assert "sync_taxonomy" in admin_client.get(url).content.decode()
    admin_client.post(url)
    assert path_of(searched[0]) == ("Hogar", "Sillones")
    assert not Category.objects.get(name="Herramientas").is_active
