"""Photos of ads of any kind in training, in service, in the API and in the form."""

import hashlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation
from django.utils.datastructures import MultiValueDict
from PIL import Image

from ad_autocategorize import registry
from ad_autocategorize.categories.item_photo_report import evaluate_item_photos
from ad_autocategorize.categories.item_photos import EMBEDDINGS_FOLDER
from ad_autocategorize.categories.services import PhotoSuggestions, hears_photos, suggest_categories
from ad_autocategorize.item_photos.backbone import Embedder
from ad_autocategorize.item_photos.names import PART_FOLDER, PART_KEY
from ad_autocategorize.item_photos.scorer import load_part
from ad_autocategorize.models import LabelIssue, ModelVersion
from ad_autocategorize.private_copies import discard_versions
from ad_autocategorize.reports.item_photos import photo_columns, photo_rows
from ad_autocategorize.sources import using_source
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from marketplace.forms import AdForm
from marketplace.models import Ad, AdPhoto
from taxonomy.models import Category
from tests.item_photos.ads import ADS, SHOWN, WORDS, as_file, make_ads
from tests.item_photos.toys import photo_of, tiny_backbone

pytest.importorskip("onnx")
pytestmark = pytest.mark.django_db


def retrain(*options):
    out, err = io.StringIO(), io.StringIO()
    call_command("retrain_classifiers", *options, stdout=out, stderr=err)
    registry.forget()
    return out.getvalue()


def digests_of(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


def metrics():
    return ModelVersion.objects.get(is_active=True).metrics.get(PART_KEY)


@pytest.fixture
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def site(media, model_dir):
    """A site whose photos speak."""
    tree = make_ads()
    tiny_backbone(model_dir)
    printed = retrain()
    return tree, printed


@pytest.fixture
def rng():
    return np.random.default_rng(99)


def test_photos_tell_apart_what_titles_cannot(site, model_dir, rng):
    tree, printed = site
    told = metrics()
    assert told["used"] and told["with_photos"] == SHOWN and told["ads"] == ADS
    assert told["views"]["both"]["accuracy"] > told["views"]["title"]["accuracy"] + 0.2
    assert f"Photos: {SHOWN} of {ADS} ads have one that can be read." in printed and "by both" in printed
    version = ModelVersion.objects.get(is_active=True)
    assert (model_dir / version.name / PART_FOLDER).is_dir()
    assert [entry.name for entry in model_dir.iterdir() if entry.name.startswith("titles-")] == [version.name]
    assert hears_photos()
    for path, (words, own, color) in WORDS.items():
        answer = suggest_categories(words, photos=[photo_of(color, rng)])
        assert isinstance(answer, PhotoSuggestions) and answer.photos_used == 1
        assert answer.suggestions[0].category_id == answer.by_photos[0].category_id == tree.find(path)
        by_title = suggest_categories(own).suggestions
        assert by_title and suggest_categories(own, photos=[photo_of(color, rng)]).by_title == by_title
    # A title that says nothing leaves it to the photo.
    assert not suggest_categories("").suggestions
    answer = suggest_categories("", photos=[photo_of("green", rng)])
    assert answer.suggestions[0].category_id == tree.find(("Hogar", "Jardín")) and answer.by_title == ()
    assert answer.suggestions == answer.by_photos
    # One screenshot among the photos spoils nothing.
    photos = [photo_of("red", rng), Image.new("RGB", (300, 600), "white"), photo_of("red", rng)]
    assert suggest_categories("objeto usado", photos=photos).suggestions[0].category_id == tree.find(
        ("Hogar", "Cocina")
    )
    # Without a photo the answer is that of the titles, to the bit.
    alone = {own: suggest_categories(own).suggestions for _, own, _ in WORDS.values()}
    retrain("--no-photos")
    assert not hears_photos() and metrics() is None
    assert alone == {own: suggest_categories(own).suggestions for own in alone}


def test_what_photos_add_is_kept_where_only_a_part_is_trained(site, model_dir, rng):
    tree, _ = site
    before, told = ModelVersion.objects.get(is_active=True), metrics()
    kitchen, new = tree.find(("Hogar", "Cocina")), Category.objects.create(name="Ollas", parent=None)
    moved = Ad.objects.filter(category_id=kitchen)[:3]
    Ad.objects.filter(pk__in=[ad.pk for ad in moved]).update(category_id=new.pk)
    assert "nodes trained anew" in retrain("--changed", "--force")
    after = ModelVersion.objects.get(is_active=True)
    assert metrics() == told and after.metrics["incremental"]["whole"] == before.name
    parts = []
    for version in (before, after):
        scorer = TitleScorer.load(model_dir / version.name)
        parts.append(load_part(model_dir / version.name, scorer).classifier)
    rows = [{path[-1]: number for number, path in enumerate(part.categories)} for part in parts]
    assert rows[1].keys() == {*rows[0], new.pk}
    for key, row in rows[0].items():
        assert np.array_equal(parts[0].coefficients[row], parts[1].coefficients[rows[1][key]])
    assert np.allclose(parts[1].coefficients[rows[1][new.pk]], parts[0].coefficients.mean(axis=0))
    answer = suggest_categories("", photos=[photo_of("green", rng)])
    assert answer.suggestions[0].category_id == tree.find(("Hogar", "Jardín"))


def test_a_model_without_photos_is_the_same_whether_or_not_there_is_a_backbone(media, model_dir):
    make_ads(with_photos=False, count=80)
    retrain()
    before = ModelVersion.objects.get(is_active=True)
    tiny_backbone(model_dir)
    retrain("--no-photos")
    after = ModelVersion.objects.get(is_active=True)
    assert before.metrics == after.metrics
    first, second = (model_dir / version.name for version in (before, after))
    assert digests_of(first)["model.safetensors"] == digests_of(second)["model.safetensors"]
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in (first, second)]
    for manifest in manifests:
        manifest.pop("version")
        # The digest of what the next training goes on from, which names the version.
        manifest.pop("training")
    assert manifests[0] == manifests[1]


def test_photos_that_do_not_help_are_not_heard(media, model_dir):
    make_ads()
    # The colours in any order: they say nothing of the category.
    photos = list(AdPhoto.objects.order_by("pk"))
    names = [photo.image.name for photo in photos]
    for photo, name in zip(photos, np.random.default_rng(1).permutation(names), strict=True):
        AdPhoto.objects.filter(pk=photo.pk).update(image=str(name))
    tiny_backbone(model_dir)
    printed = retrain()
    assert not metrics()["used"] and "Photos are not heard: no sure gain on the hold-out." in printed
    assert not hears_photos()


def test_a_training_that_was_stopped_goes_on_and_only_new_photos_are_embedded(media, model_dir, monkeypatch, rng):
    make_ads()
    first, second, *_ = AdPhoto.objects.order_by("pk")
    Path(first.image.path).write_bytes(b"no picture at all")
    Path(second.image.path).unlink()
    readable = SHOWN - 2
    tiny_backbone(model_dir)
    embed, counted = Embedder.embed, []

    def stop_soon(self, photos):
        if sum(counted) >= 160:
            raise KeyboardInterrupt
        counted.append(len(photos))
        return embed(self, photos)

    with monkeypatch.context() as patched:
        patched.setattr(Embedder, "embed", stop_soon)
        with pytest.raises(SystemExit):
            retrain()
    assert not ModelVersion.objects.exists()
    counted.clear()
    monkeypatch.setattr(Embedder, "embed", lambda self, photos: counted.append(len(photos)) or embed(self, photos))
    printed = retrain()
    assert sum(counted) == readable - 160 and metrics()["used"]
    assert "Left out: 1 photos, damaged, cut short or no picture." in printed and first.image.path in printed
    assert "Left out: 1 photos, no such file." in printed and second.image.path in printed
    assert metrics()["with_photos"] == readable
    # Ads that are gone take their embeddings with them.
    AdPhoto.objects.create(ad=first.ad, image=as_file(photo_of("red", rng)))
    Ad.objects.filter(pk__in=list(Ad.objects.order_by("-pk").values_list("pk", flat=True)[:160])).delete()
    left, before = AdPhoto.objects.count() - 2, readable + 1
    counted.clear()
    # So many ads are gone that the gate would ask.
    printed = retrain("--force")
    [stored] = (model_dir / EMBEDDINGS_FOLDER).glob("*/ads.all/digests.bin")
    assert stored.stat().st_size == 16 * left and sum(counted) == 1
    assert metrics()["why_not"] == "too few ads with photos" and before - left == told_of(printed)
    # A training on part of the ads leaves those of the others.
    counted.clear()
    retrain("--limit", "60")
    retrain()
    assert stored.stat().st_size == 16 * left and not counted


def told_of(printed):
    """How many photos' embeddings a training says it has deleted."""
    return int(re.search(r"Deleted: embeddings of (\d+) photos that no ad has any more\.", printed)[1])


def test_backbones_that_no_version_uses_go_with_their_embeddings(site, model_dir, settings):
    old, other = next(model_dir.glob("backbone-*")), model_dir / EMBEDDINGS_FOLDER / "backbone-lost"
    for folder in (other, model_dir / EMBEDDINGS_FOLDER / old.name / "gone.all"):
        folder.mkdir()
    new = tiny_backbone(model_dir, "other", side=24)
    assert new.stat().st_mtime_ns > old.stat().st_mtime_ns

    def embeddings():
        return {path.parent.name + "/" + path.name for path in (model_dir / EMBEDDINGS_FOLDER).glob("*/*")}

    printed = retrain()
    # A version that may be gone back to is served with the old one, but nothing is made with it any more.
    assert old.exists() and embeddings() == {f"{new.name}/ads.all"} and not other.exists()
    assert f"Deleted: {EMBEDDINGS_FOLDER}/{old.name}, which nothing reads." in printed
    assert "which no version uses" not in printed
    out = io.StringIO()
    call_command("models", "prune", "--keep", "1", stdout=out)
    assert not old.exists() and f"Deleted: {old.name}, which no version uses." in out.getvalue()
    assert new.exists() and embeddings() == {f"{new.name}/ads.all"} and hears_photos()
    # Not even the last version's photos are heard any more: the backbone of the next training stays.
    newest = tiny_backbone(model_dir, "next", side=32)
    ModelVersion.objects.update(metrics={})
    call_command("models", "prune", stdout=io.StringIO())
    assert newest.exists() and not new.exists() and embeddings() == set()


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


# The API and the form.

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


def misfile(tree):
    """File four kitchen ads with a photo in the garden; return them with the two categories."""
    kitchen, garden = tree.find(("Hogar", "Cocina")), tree.find(("Hogar", "Jardín"))
    # Titles that say the same of both, so that the photo alone tells.
    shown = Ad.objects.filter(category_id=kitchen, photos__isnull=False).exclude(title__contains="olla")
    wrong = list(shown.values_list("pk", flat=True)[:4])
    Ad.objects.filter(pk__in=wrong).update(category_id=garden)
    return wrong, kitchen, garden


def search():
    call_command("find_mislabels", "--folds", "3", stdout=io.StringIO(), stderr=io.StringIO())


def test_the_review_page_says_what_the_photo_spoke_for_and_where_its_like_are_filed(site, admin_client):
    tree, _ = site
    wrong, kitchen, garden = misfile(tree)
    search()
    issue = LabelIssue.objects.get(ad_id=str(wrong[0]))
    (_, by_photo, sure), (_, _by_title, less_sure) = issue.opinions
    assert [view for view, *_ in issue.opinions] == ["photos", "title"]
    assert by_photo == kitchen and sure > less_sure > 0
    assert 0 < len(issue.same_photos) <= 12 and str(wrong[0]) not in issue.same_photos
    # A colour has no third category here; those that are filed wrongly as well are no evidence.
    assert set(Ad.objects.filter(pk__in=issue.same_photos).values_list("category_id", flat=True)) == {kitchen}

    def page():
        with translation.override("en"):
            address = f"/admin/ad_autocategorize/labelissue/review/?issue={issue.pk}"
            return admin_client.get(address, headers={"accept-language": "en"}).content.decode()

    html = page()
    assert f"By itself the photo says Hogar › Cocina ({sure:.0%}".replace("%", " %") in html
    assert "Title and photos together say" in html and "The title says" not in html
    first = AdPhoto.objects.filter(ad_id=issue.same_photos[0]).earliest("pk")
    assert html.count(f'<img src="{first.image.url}" alt=""') == 1
    # One that has been filed alike since is no longer shown, nor one that is gone.
    Ad.objects.filter(pk=issue.same_photos[0]).update(category_id=garden)
    assert first.image.url not in page()
    Ad.objects.filter(pk__in=issue.same_photos).delete()
    assert "Nearly the same photo" not in page()
    # Blind, nothing of what was suggested is told.
    admin_client.post("/admin/ad_autocategorize/labelissue/review/", {"blind": "1"})
    assert "By itself" not in page()


def test_without_a_photo_the_page_speaks_of_the_title_alone(site, admin_client):
    tree, _ = site
    search()
    ad = Ad.objects.filter(category_id=tree.find(("Moda", "Bolsos")), photos__isnull=True, title__contains="cartera")[0]
    Ad.objects.filter(pk=ad.pk).update(category_id=tree.find(("Hogar", "Cocina")))
    search()
    issue = LabelIssue.objects.get(ad_id=str(ad.pk))
    assert issue.opinions == [] == issue.same_photos
    address = f"/admin/ad_autocategorize/labelissue/review/?issue={issue.pk}"
    html = admin_client.get(address, headers={"accept-language": "en"}).content.decode()
    assert "The title says" in html and "By itself" not in html and "Nearly the same photo" not in html


def test_search_and_evaluation_hear_photos(site, tmp_path):
    tree, _ = site
    wrong, kitchen, _ = misfile(tree)
    search()
    found = dict(LabelIssue.objects.values_list("ad_id", "suggested_id"))
    assert {found.get(str(pk)) for pk in wrong} == {kitchen}
    Ad.objects.filter(pk__in=wrong).update(category_id=kitchen)

    # The rest of the evaluation has tests of its own; here its chapter on photos.
    with using_source("") as source:
        photos = evaluate_item_photos(
            source, TitleSettings(), since=None, limit=None, language="", seed=0, progress=lambda *_: None
        )
    assert photos["gains"] and photos["with_photos"] == SHOWN
    json.dumps(photos)
    with translation.override("en"):
        rows = dict(photo_rows(photos))
        page = render_to_string(
            "ad_autocategorize/reports/titles/photos.html",
            {"photos": photos, "photo_columns": photo_columns(), "photo_rows": photo_rows(photos)},
        )
    assert (
        rows["Exactly right"][2] > rows["Exactly right"][0]
        and len(rows["Filed without a person, 95 percent right"]) == 3
    )
    assert "Do photos help?" in page and "Photos help:" in page and "Right down to level 2" in page
