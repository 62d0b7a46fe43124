"""Photos of ads of any kind in service, in the API and in the form."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import translation
from django.utils.datastructures import MultiValueDict

from ad_autocategorize import registry
from ad_autocategorize.categories.services import PhotoSuggestions, suggest_categories
from ad_autocategorize.item_photos.names import PART_FOLDER
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.private_copies import discard_versions
from marketplace.forms import AdForm
from tests.item_photos.ads import as_file
from tests.item_photos.toys import photo_of

pytest.importorskip("onnx")
pytestmark = pytest.mark.django_db


def test_titles_are_served_where_photos_cannot_be(site, model_dir, rng, caplog):
    version = ModelVersion.objects.get(is_active=True)
    backbone = next(model_dir.glob("backbone-*"))
    manifest = (backbone / "manifest.json").read_text()

    def answer():
        registry.forget()
        registry._embedders.forget()
        return suggest_categories("cartera", photos=[photo_of("blue", rng)])

    def check_titles_alone():
        caplog.clear()
        found = answer()
        assert not isinstance(found, PhotoSuggestions) and found.suggestions
        assert any("not heard" in record.message for record in caplog.records)

    assert isinstance(answer(), PhotoSuggestions)
    # Exchanged, gone, and a part that is damaged.
    (backbone / "manifest.json").write_text(manifest.replace('"none"', '"other"'))
    check_titles_alone()
    (backbone / "manifest.json").write_text(manifest)
    assert isinstance(answer(), PhotoSuggestions)
    backbone.rename(backbone.with_name("away"))
    check_titles_alone()
    backbone.with_name("away").rename(backbone)
    (model_dir / version.name / PART_FOLDER / "model.safetensors").write_bytes(b"harm")
    # This process's machine has a sound copy.
    assert isinstance(answer(), PhotoSuggestions)
    discard_versions({version.name})
    check_titles_alone()


ADDRESS = "/api/v1/suggestions/category/"


def upload(color, rng, name="photo.png"):
    return SimpleUploadedFile(name, as_file(photo_of(color, rng)).read(), "image/png")


def broken():
    return SimpleUploadedFile("x.png", b"no picture", "image/png")


def test_api_and_form_look_at_photos(site, rng, settings):
    tree, _ = site
    garden = tree.find(("Hogar", "Jardín"))
    settings.AD_AUTOCATEGORIZE = {**settings.AD_AUTOCATEGORIZE, "API_PHOTO_RATE": "4/min"}
    client = Client(headers={"accept-language": "es"})

    def ask(*photos, **sent):
        return client.post(ADDRESS, {**sent, "photos": photos})

    answer = ask(upload("green", rng), upload("green", rng), title="maceta", limit="2")
    told = answer.json()
    assert answer.status_code == 200 and told["photos_used"] == 2 and told["refused"] == ""
    assert told["suggestions"][0]["category"] == told["by_photos"][0]["category"] == garden
    plain = client.post(ADDRESS, {"title": "maceta", "limit": 2}, content_type="application/json").json()
    assert plain["suggestions"] == told["by_title"] and "by_photos" not in plain
    answer = ask(broken(), title="maceta")
    assert answer.status_code == 400 and answer.json()["errors"][0]["pointer"] == "#/photos"
    # Of several photos one that is refused does not spoil the others; a title is not needed.
    answer = ask(broken(), upload("green", rng))
    assert answer.status_code == 200 and "JPEG, PNG" in answer.json()["refused"]
    assert answer.json()["suggestions"][0]["category"] == garden and answer.json()["by_title"] == []
    # Photos have a rate of their own, whatever is wrong with them.
    assert [ask(upload("red", rng), title="olla").status_code for _ in range(2)] == [200, 429]
    assert client.post(ADDRESS, {"title": "olla"}, content_type="application/json").status_code == 200

    form = posted("objeto usado", [upload("green", rng)])
    assert not form.is_valid() and not form.errors
    assert form.fields["title"].widget.answer.suggestions[0].category_id == garden
    page = str(form["title"])
    assert 'data-photos="photos"' in page and "Jardín" in page
    with translation.override("es"):
        form = posted("objeto usado", [broken()])
        assert not form.is_valid() and not form.errors
        assert "JPEG, PNG" in str(form["title"])


def posted(title, files=()):
    return AdForm({"title": title, "suggest_category": "1"}, MultiValueDict({"photos": list(files)}))


def test_a_model_that_hears_no_photos_answers_by_title(trained, rng):
    told = Client().post(ADDRESS, {"title": "sofa futon", "photos": [upload("red", rng)]}).json()
    assert told["photos_used"] == 0 and told["by_photos"] == [] and told["suggestions"] == told["by_title"] != []
    assert "data-photos" not in str(AdForm()["title"])
