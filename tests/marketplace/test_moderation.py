import pytest
from django.urls import reverse

from marketplace.models import Ad

LIST = reverse("admin:marketplace_ad_changelist")


@pytest.fixture
def pending(trained):
    ad = Ad.objects.order_by("pk").first()
    Ad.objects.filter(pk=ad.pk).update(status=Ad.Status.PENDING)
    ad.refresh_from_db()
    return ad


def publish(client, ad, seen):
    data = {"action": "publish", "_selected_action": ad.pk, f"seen-{ad.pk}": seen}
    return client.post(LIST, data, follow=True)


def test_what_the_moderator_saw_is_published(pending, admin_client):
    html = admin_client.get(LIST, {"status__exact": "pending"}).content.decode()
    assert f'name="seen-{pending.pk}" value="{pending.fingerprint()}"' in html
    publish(admin_client, pending, pending.fingerprint())
    pending.refresh_from_db()
    assert pending.status == Ad.Status.PUBLISHED


@pytest.mark.parametrize("change", [{"title": "Something else"}, {"description": "Call me elsewhere"}, {"price": 1}])
def test_what_the_seller_changed_after_the_list_was_shown_is_not_published(pending, admin_client, change):
    seen = pending.fingerprint()
    Ad.objects.filter(pk=pending.pk).update(**change)
    page = publish(admin_client, pending, seen)
    pending.refresh_from_db()
    assert pending.status == Ad.Status.PENDING
    assert "Quedan como están" in page.content.decode()


def test_a_photo_added_meanwhile_is_a_change(pending, admin_client):
    seen = pending.fingerprint()
    pending.photos.create(image="ads/another.jpg")
    publish(admin_client, pending, seen)
    pending.refresh_from_db()
    assert pending.status == Ad.Status.PENDING


def test_the_ads_page_is_not_saved_over_a_change_by_the_seller(pending, admin_client):
    address = reverse("admin:marketplace_ad_change", args=[pending.pk])
    form = admin_client.get(address).context["adminform"].form
    data = {name: form.initial.get(name) for name in form.fields if form.initial.get(name) is not None}
    data |= {
        "status": "published",
        "created_at_0": "2026-01-01",
        "created_at_1": "10:00:00",
        "photos-TOTAL_FORMS": "0",
        "photos-INITIAL_FORMS": "0",
    }
    Ad.objects.filter(pk=pending.pk).update(title="Changed by the seller")
    refused = admin_client.post(address, data)
    assert "Quien vende cambió este aviso después de que lo abriste." in refused.content.decode()
    pending.refresh_from_db()
    assert (pending.title, pending.status) == ("Changed by the seller", Ad.Status.PENDING)
    data |= {"title": pending.title, "seen": pending.fingerprint()}
    assert admin_client.post(address, data).status_code == 302
    pending.refresh_from_db()
    assert pending.status == Ad.Status.PUBLISHED


def test_staff_without_rights_see_no_pending_ads(pending, client, django_user_model):
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    assert client.get(pending.get_absolute_url()).status_code == 404


def test_no_regular_expression_from_an_address_is_run(pending, admin_client):
    assert admin_client.get(LIST, {"title__regex": "(a+)+$"}).status_code == 400
    assert admin_client.get(LIST, {"status__exact": "pending", "created_at__year": "2026"}).status_code == 200
    assert admin_client.get(reverse("admin:ad_taxonomy_category_changelist"), {"name__iregex": "x"}).status_code == 400
