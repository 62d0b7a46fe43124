"""Photos of ads of any kind in training: what they add, what is kept, and what is deleted."""

import hashlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from PIL import Image

from ad_autocategorize.categories.item_photos import EMBEDDINGS_FOLDER
from ad_autocategorize.categories.services import PhotoSuggestions, hears_photos, suggest_categories
from ad_autocategorize.item_photos.backbone import Embedder
from ad_autocategorize.item_photos.names import PART_FOLDER
from ad_autocategorize.item_photos.scorer import load_part
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.titles.scorer import TitleScorer
from marketplace.models import Ad, AdPhoto
from taxonomy.models import Category
from tests.item_photos.ads import ADS, SHOWN, WORDS, as_file, make_ads
from tests.item_photos.site import metrics, retrain
from tests.item_photos.toys import photo_of, tiny_backbone

pytest.importorskip("onnx")
pytestmark = pytest.mark.django_db


def digests_of(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


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
