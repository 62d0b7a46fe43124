"""Photos of a form that comes back: held, named by a token, and taken in again as if they had been sent once more."""

import re
import time

import pytest
from django import forms
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils.datastructures import MultiValueDict

from ad_autocategorize import held_photos, private_folder
from ad_autocategorize.held_photos import HeldPhoto, HeldPhotosMixin, held_storage, hold, make_token, read_token
from marketplace.models import Ad, AdPhoto
from tests.browser.test_bad_days import photo
from tests.plugin.test_forms import DATA

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    """Hold photos in a folder of the test's own."""
    settings.MEDIA_ROOT = tmp_path / "media"
    place = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path / "held")}}
    settings.STORAGES = {**settings.STORAGES, "held_photos": place}
    return tmp_path / "held"


@pytest.fixture
def send(client, django_user_model, marketplace_tree):
    """Post the ad form as the page that came back says, with changes; lists are several values of one name."""
    client.force_login(django_user_model.objects.get(username="ana"))
    sofas = marketplace_tree.find(["Hogar", "Muebles", "Sillones"])

    def send(page="", **changes):
        held = dict(re.findall(r'name="(photos_held)" value="([^"]+)"', page))
        kept = re.findall(r'name="photos_keep" value="([^"]+)"', page)
        data = {**DATA, "category": sofas, "price": "10", **held, "photos_keep": kept, **changes}
        return client.post(reverse("ad-create"), data)

    return send


def upload(name="a.jpg", content=None):
    return SimpleUploadedFile(name, content or photo(), "image/jpeg")


def test_photos_are_kept_as_the_form_comes_back_and_can_be_left_out(send, folder):
    page = send(price="abc", photos=[upload("one.jpg"), upload("two.jpg")]).content.decode()
    assert "one.jpg" in page
    # The seller leaves out the first, adds a third, and mistypes once more.
    first, second = re.findall(r'name="photos_keep" value="([^"]+)"', page)
    page = send(page, price="abc", photos_keep=[second], photos=[upload("three.jpg")]).content.decode()
    assert "one.jpg" not in page
    assert send(page).status_code == 302
    assert AdPhoto.objects.count() == 2
    assert first not in page


@pytest.mark.parametrize("button", ["suggest_category", "read_car_photo"])
def test_a_button_that_saves_nothing_costs_no_photo_either(send, button):
    page = send(photos=[upload()], **{button: "1"}).content.decode()
    assert not Ad.objects.filter(description=DATA["description"]).exists()
    assert send(page).status_code == 302
    assert AdPhoto.objects.count() == 1


def test_one_bad_photo_of_three_costs_that_photo_only_and_is_named(send):
    page = send(photos=[upload("good.jpg"), upload("bad.jpg", b"no photo"), upload("fine.jpg")]).content.decode()
    assert "bad.jpg:" in page
    assert len(re.findall(r'name="photos_keep"', page)) == 2
    assert send(page).status_code == 302
    assert AdPhoto.objects.count() == 2


def test_what_is_held_is_what_the_field_let_in_under_a_name_that_nobody_can_guess(send, folder):
    send(price="abc", photos=[upload("../../x.php")])
    (held,) = folder.iterdir()
    assert re.fullmatch(r"\d{10}-[0-9a-f]{32}\.jpg", held.name)
    assert held.read_bytes() != photo()


def test_a_held_photo_is_shown_to_whoever_has_the_page(send, client):
    page = send(price="abc", photos=[upload()]).content.decode()
    (address,) = re.findall(r'<img src="(/api/v1/held-photos/[^"]+)"', page)
    shown = client.get(address)
    assert (shown.status_code, shown["Content-Type"], shown["X-Content-Type-Options"]) == (200, "image/jpeg", "nosniff")
    assert client.get(address[:-2] + "/").status_code == 404
    key = signing.loads(address.split("/")[-2], salt=held_photos.SHOWN_SALT)
    # Neither a token of the form nor a key is an address.
    for other in (make_token([HeldPhoto(key, "a.jpg")]), key):
        assert client.get(reverse("ad_autocategorize:held-photo", args=[other])).status_code == 404


def test_html_in_a_photos_clothes_is_not_shown(client):
    held = hold(SimpleUploadedFile("a.jpg", b"<script>alert(1)</script>"), "a.jpg")
    assert client.get(held.address).status_code == 404


def test_a_token_that_is_too_old_or_forged_says_so_and_loses_nothing_else(send, monkeypatch):
    page = send(price="abc", photos=[upload()]).content.decode()
    after = time.time() + held_photos.HELD_SECONDS + 60
    with monkeypatch.context() as later:
        later.setattr(signing.time, "time", lambda: after)
        late = send(page)
    forged = send(page, photos_held="nonsense")
    for answer in (late, forged):
        assert answer.status_code == 200
        assert "errorlist" in answer.content.decode()
        assert DATA["title"] in answer.content.decode()
    # Said once: the next time the ad is sent without them.
    assert send(forged.content.decode()).status_code == 302


def test_old_photos_go_and_a_full_folder_holds_no_more(folder, monkeypatch):
    hold(upload(), "old.jpg")
    after = time.time() + held_photos.HELD_SECONDS + 60
    monkeypatch.setattr(held_photos.time, "time", lambda: after)
    kept = hold(upload(), "new.jpg")
    assert [path.name for path in folder.iterdir()] == [kept.key]
    monkeypatch.setattr(held_photos, "MOST_BYTES", len(photo()) + 1)
    assert hold(upload(), "more.jpg") is None


def test_a_host_with_one_file_and_a_prefix(folder):
    class OwnForm(HeldPhotosMixin, forms.Form):
        title = forms.CharField()
        photos = forms.ImageField()

    form = OwnForm({}, MultiValueDict({"p-photos": [upload()]}), prefix="p")
    assert not form.is_valid()
    html = str(form["photos"])
    token = re.search(r'name="p-photos_held" value="([^"]+)"', html)[1]
    (held,) = read_token(token)
    assert "required" not in re.search(r'<input type="file"[^>]*>', html)[0]
    again = OwnForm({"p-title": "x", "p-photos_held": token, "p-photos_keep": [held.key]}, prefix="p")
    assert again.is_valid(), again.errors
    assert again.cleaned_data["photos"].read() == photo()


def test_the_folder_of_its_own_is_open_to_nobody_else(settings, monkeypatch, tmp_path):
    settings.STORAGES = {name: value for name, value in settings.STORAGES.items() if name != "held_photos"}
    monkeypatch.setattr(private_folder.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = held_storage().base_location
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="remove it"):
        held_storage()
