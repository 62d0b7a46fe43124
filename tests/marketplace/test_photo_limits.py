"""Who may see an ad that is not published, and how many photos are read and kept."""

import pytest
from django.urls import reverse

from marketplace.models import Ad, AdPhoto

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def pending(marketplace_tree):
    ad = Ad.objects.first()
    ad.status = Ad.Status.PENDING
    ad.save()
    return ad


def test_staff_without_the_right_see_no_pending_ad(client, pending, django_user_model):
    staff = django_user_model.objects.create_user("recepcion", is_staff=True)
    client.force_login(staff)
    url = reverse("ad-detail", args=[pending.pk])
    assert client.get(url).status_code == 404
    from django.contrib.auth.models import Permission

    staff.user_permissions.add(Permission.objects.get(codename="view_ad"))
    assert client.get(url).status_code == 200


def test_an_ad_has_six_photos_however_often_it_is_edited(client, pending, settings, tmp_path):
    from tests.marketplace.test_site import ad_data, photo

    settings.MEDIA_ROOT = tmp_path
    client.force_login(pending.seller)
    url = reverse("ad-update", args=[pending.pk])
    client.post(url, ad_data(photos=[photo() for _ in range(4)]))
    response = client.post(url, ad_data(photos=[photo() for _ in range(3)]))
    assert response.context["form"].errors["photos"]
    client.post(url, ad_data(photos=[photo() for _ in range(2)]))
    assert pending.photos.count() == 6


def test_a_form_reads_photos_no_more_often_than_the_api(client, pending, settings, tmp_path):
    from ad_autocategorize.conf import SETTING
    from tests.marketplace.test_site import ad_data, photo

    settings.MEDIA_ROOT = tmp_path
    setattr(settings, SETTING, {**getattr(settings, SETTING), "API_PHOTO_RATE": "2/min"})
    client.force_login(pending.seller)
    url = reverse("ad-create")
    for _ in range(2):
        assert client.post(url, ad_data(title="Con foto", photos=[photo()])).status_code == 302
    for button in ({}, {"read_car_photo": "1"}):
        response = client.post(url, ad_data(title="Con foto", photos=[photo()], **button))
        assert response.status_code == 200
        assert 'value="Con foto"' in response.content.decode()
    assert AdPhoto.objects.count() == 2
    assert client.post(url, ad_data(title="Sin foto")).status_code == 302


def test_a_body_beyond_all_forms_is_not_read(client):
    assert client.post("/ads/new/", b"", content_type="text/plain", CONTENT_LENGTH=10**12).status_code == 413
