"""What was typed is there again after a log-in in between."""

import pytest
from django.urls import reverse

from marketplace import drafts
from marketplace.models import Ad

pytestmark = pytest.mark.django_db
TEXT = {"title": "sofá azul", "description": "como <b>nuevo</b>", "price": "abc", "currency": "USD", "payment": "cash"}


@pytest.fixture
def ana(django_user_model, marketplace_tree):
    user = django_user_model.objects.get(username="ana")
    user.set_password("secret")
    user.save()
    return user


def log_in(client, address):
    return client.post(address, {"username": "ana", "password": "secret"}, follow=True)


def test_an_expired_session_loses_no_text(client, ana, marketplace_tree):
    sofas = marketplace_tree.find(["Hogar", "Muebles", "Sillones"])
    refused = client.post(reverse("ad-create"), {**TEXT, "category": sofas})
    assert refused.status_code == 302
    assert not Ad.objects.filter(title="sofá azul").exists()
    page = log_in(client, refused["Location"]).content.decode()
    assert 'value="sofá azul"' in page
    assert "como &lt;b&gt;nuevo" in page
    assert f'<option value="{sofas}" selected' in page
    assert '<option value="USD" selected' in page
    # Once, and nowhere else.
    assert "sofá azul" not in client.get(reverse("ad-create")).content.decode()


def test_a_change_to_an_ad_is_kept_for_that_ad(client, ana, marketplace_tree):
    first, second = Ad.objects.filter(seller=ana)[:2]
    refused = client.post(reverse("ad-update", args=[first.pk]), {**TEXT, "category": first.category_id})
    client.login(username="ana", password="secret")
    assert "sofá azul" not in client.get(reverse("ad-update", args=[second.pk])).content.decode()
    assert 'value="sofá azul"' in log_in(client, refused["Location"]).content.decode()


def test_a_flood_is_not_kept(client, ana):
    client.post(reverse("ad-create"), {**TEXT, "description": "x" * drafts.LONGEST})
    assert drafts.KEY not in client.session


def test_errors_are_listed_first_and_get_the_focus(client, ana):
    client.force_login(ana)
    page = client.post(reverse("ad-create"), TEXT).content.decode()
    assert page.index('id="errors"') < page.index('<form class="stacked"')
    assert "autofocus" in page[page.index('id="errors"') :][:200]
    assert 'href="#id_category"' in page
    assert "autofocus" not in client.get(reverse("ad-create")).content.decode()
