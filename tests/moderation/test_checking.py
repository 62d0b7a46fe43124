"""The category check on the host's own ad admin."""

import io

import pytest
from django.core.management import call_command

from marketplace.models import Ad
from tests.moderation.conftest import find_mislabels

pytestmark = pytest.mark.django_db

LIST = "/admin/marketplace/ad/"


@pytest.fixture
def page(admin_client):
    return admin_client


@pytest.fixture
def pending(marketplace_tree):
    """A new ad filed wrongly, which no model has seen."""
    call_command("retrain_classifiers", verbosity=0, stdout=io.StringIO())
    return Ad.objects.create(
        title="sillon futon modelo 3",
        category_id=marketplace_tree.find(["Vehículos", "Motos"]),
        seller=Ad.objects.first().seller,
    )


def test_a_pending_ad_that_disagrees_is_warned_about(page, pending):
    html = page.get(f"{LIST}{pending.pk}/change/").content.decode()
    assert "⚠ Hogar › Muebles › Sillones" in html
    html = page.get(LIST, {"status__exact": "pending"}).content.decode()
    assert "⚠ Hogar › Muebles › Sillones" in html


def test_an_ad_that_agrees_is_not(page, pending, marketplace_tree):
    pending.category_id = marketplace_tree.find(["Hogar", "Muebles", "Sillones"])
    pending.save()
    html = page.get(f"{LIST}{pending.pk}/change/").content.decode()
    assert "✓" in html
    assert "⚠" not in html


def test_an_ad_of_the_queue_leads_there(page, mislabelled):
    find_mislabels()
    ad = mislabelled["sillon sofa modelo 3"]
    html = page.get(f"{LIST}{ad.pk}/change/").content.decode()
    assert "/labelissue/review/?issue=" in html


def test_without_a_model_there_is_nothing_to_say(page, marketplace_tree):
    ad = Ad.objects.first()
    assert page.get(f"{LIST}{ad.pk}/change/").status_code == 200
    assert page.get(f"{LIST}add/").status_code == 200
    assert page.get(LIST).status_code == 200


def test_the_list_asks_once_for_all(page, pending, django_assert_max_num_queries):
    page.get(LIST)
    with django_assert_max_num_queries(16):
        page.get(LIST)
