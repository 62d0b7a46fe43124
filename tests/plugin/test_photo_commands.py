import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.http import QueryDict
from django.urls import reverse
from django.utils import translation
from django.utils.datastructures import MultiValueDict
from PIL import Image
from safetensors.torch import load_file, save_file

from ad_autocategorize import registry
from ad_autocategorize.cars.services import suggest_car
from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.photos.training.images import read_photo
from marketplace.models import Ad, AdPhoto
from taxonomy.bulk import CategoryRow, upsert_categories
from taxonomy.models import BodyType, Brand, CarModel, Category, Color
from tests.photos.toys import (
    BODIES,
    COLORS,
    MODELS,
    YEARS,
    draw,
    draw_no_car,
    make_photos,
    tiny_test_network,
    toy_settings,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def toy_network(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    photos = toy_settings(epochs=10, freeze_backbone=False).to_dict()
    setattr(settings, SETTING, {**getattr(settings, SETTING), "PHOTOS": photos, "PHOTO_PRECISION": 0.6})


@pytest.fixture
def car_ads():
    """Ads of toy cars with photos, and of other things with noise."""
    upsert_categories([CategoryRow(("Autos",)), CategoryRow(("Muebles",))])
    cars, furniture = Category.objects.get(name="Autos"), Category.objects.get(name="Muebles")
    catalog = {}
    for brand, model in MODELS:
        row, _ = Brand.objects.get_or_create(name=brand)
        catalog[brand, model] = CarModel.objects.create(brand=row, name=model)
    bodies = {name: BodyType.objects.create(name=name) for name in set(BODIES.values())}
    colors = {name: Color.objects.create(name=name) for name in COLORS}
    seller = get_user_model().objects.create_user("ana")
    rng = np.random.default_rng(0)
    for number in range(210):
        pair = MODELS[number % 3]
        color, year = str(rng.choice(list(COLORS))), int(rng.choice(YEARS))
        ad = Ad.objects.create(
            seller=seller,
            title=f"car {number}",
            category=cars,
            status="published",
            brand=catalog[pair].brand,
            car_model=catalog[pair],
            body_type=bodies[BODIES[pair]],
            color=colors[color] if number % 4 else None,
            year=year,
        )
        attach(ad, draw(pair, color, year, rng))
        if number % 5 == 0:
            other = Ad.objects.create(seller=seller, title="sofa", category=furniture, status="published")
            attach(other, draw_no_car(rng))
    broken = AdPhoto.objects.first()
    broken.image.save("broken.jpg", ContentFile(b"\xff\xd8\xff no photo"))
    return catalog


def attach(ad, picture):
    AdPhoto.objects.create(ad=ad, image=ContentFile(as_png(picture), name="p.png"))


def as_png(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def trained_photos(car_ads):
    out = io.StringIO()
    call_command("retrain_cnn", stdout=out)
    car_ads["out"] = out.getvalue()
    return car_ads


@pytest.fixture
def picture():
    return draw(("Ajax", "Two"), "red", 2010, np.random.default_rng(77))


def test_training_reports_records_and_serves(trained_photos, model_dir, picture):
    out = trained_photos["out"]
    assert "impossible pairs 0" in out
    assert "Left out: 1 photos, damaged" in out
    version = ModelVersion.objects.get(kind="photos")
    assert version.is_active
    assert version.metrics["heads"]["model"]["accuracy"] > 0.7
    manifest = json.loads((model_dir / version.name / "manifest.json").read_text())
    assert manifest["export_difference"] < 1e-2
    assert not (model_dir / ".photo-training").exists()

    answer = suggest_car([picture])
    assert answer.status == "car"
    assert answer.fields["brand"].options[0].value == str(Brand.objects.get(name="Ajax").pk)
    assert answer.fields["car_model"].options[0].value == str(trained_photos["Ajax", "Two"].pk)
    assert answer.fields["car_model"].options[0].label == "Two"
    assert answer.fields["year"].options[0].value == "2010"
    assert suggest_car([draw_no_car(np.random.default_rng(1))]).status == "no_car"
    assert suggest_car([]).status == "no_photo"


def test_the_catalog_of_today_decides(trained_photos, picture):
    trained_photos["Ajax", "Two"].delete()
    new = CarModel.objects.create(brand=Brand.objects.get(name="Ajax"), name="Never seen")
    answer = suggest_car([picture])
    suggested = {option.label for option in answer.fields["car_model"].options}
    assert "Two" not in suggested
    ranked = answer.models_by_brand[str(new.brand_id)]
    assert [option.label for option in ranked] == ["One", "Never seen"]
    assert ranked[-1].probability == 0


def test_evaluation_goes_by_the_catalog_of_today(trained_photos):
    trained_photos["Ajax", "Two"].delete()
    CarModel.objects.create(brand=Brand.objects.get(name="Bolt"), name="Nine")
    out = io.StringIO()
    call_command("evaluate_cnn", stdout=out)
    assert "impossible pairs 0" in out.getvalue()
    assert "Never seen, so never guessed: 1 models of the catalog (Bolt Nine)." in out.getvalue()
    CarModel.objects.exclude(name="Nine").delete()
    for command in ("evaluate_cnn", "retrain_cnn"):
        with pytest.raises(CommandError, match="none of the models"):
            call_command(command, stdout=out)


def test_an_empty_site_says_that_photos_cannot_be_read(picture):
    assert suggest_car([picture]).status == "no_model"
    with pytest.raises(CommandError, match="0 readable photos"):
        call_command("retrain_cnn")
    with pytest.raises(CommandError, match="No photo network"):
        call_command("evaluate_cnn")


def test_training_continues_from_the_active_version_with_new_models(trained_photos, model_dir):
    first = ModelVersion.objects.get(kind="photos")
    new = CarModel.objects.create(brand=Brand.objects.create(name="Zeta"), name="Z")
    ads = Ad.objects.filter(brand__name="Bolt")[:12]
    for ad in ads:
        Ad.objects.filter(pk=ad.pk).update(brand=new.brand, car_model=new)
    # One epoch with new labels is worse than the ten before: only by force does it serve.
    call_command("retrain_cnn", "--epochs", "1", "--force", stdout=io.StringIO())
    second = ModelVersion.objects.filter(kind="photos").exclude(pk=first.pk).get()
    before, after = (
        json.loads((model_dir / item.name / "manifest.json").read_text())["vocabularies"] for item in (first, second)
    )
    assert after["model"] == [*before["model"], ["Zeta", "Z"]]
    # One epoch from scratch would know next to nothing.
    assert second.metrics["heads"]["body_type"]["accuracy"] > 0.8


def test_branches_alone_are_trained_on_a_backbone_from_a_local_file(car_ads, model_dir, tmp_path):
    published = tiny_test_network().state_dict()
    save_file(published, tmp_path / "published.safetensors")
    out = io.StringIO()
    options = {"weights": str(tmp_path / "published.safetensors"), "freeze_backbone": True}
    call_command("retrain_cnn", **options, stdout=out)
    assert "Trained the branches alone, starting from tiny_test_network with the weights of published" in out.getvalue()
    folder = model_dir / ModelVersion.objects.get(kind="photos").name
    weights = load_file(folder / "weights.safetensors")
    for name in ("0.weight", "1.running_mean", "9.weight"):
        assert torch.equal(weights[f"backbone.{name}"], published[name])
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["origin"]["weights"] == "published.safetensors"
    assert len(manifest["origin"]["digest"]) == 64
    # What the backbone sees is kept for the next time.
    assert list((model_dir / ".photo-embeddings").glob("embeddings-*.npz"))


def test_the_next_training_inherits_backbone_and_size(trained_photos, model_dir, settings):
    """The marketplace's settings say nothing of either any more: those of the version in service stay."""
    first = ModelVersion.objects.get(kind="photos")
    photos = {"epochs": 1, "batch_size": 16, "augmentation": "none", "learning_rate": 1e-3, "freeze_backbone": False}
    setattr(settings, SETTING, {**getattr(settings, SETTING), "PHOTOS": photos})
    out = io.StringIO()
    call_command("retrain_cnn", force=True, stdout=out)
    assert f"tiny_test_network with the weights of {first.name}" in out.getvalue()
    second = ModelVersion.objects.filter(kind="photos").exclude(pk=first.pk).get()
    manifest = json.loads((model_dir / second.name / "manifest.json").read_text())
    assert manifest["settings"]["backbone"] == "tiny_test_network"
    assert (manifest["settings"]["height"], manifest["settings"]["width"]) == (24, 32)
    assert manifest["origin"]["continued"] == first.name
    # Another backbone cannot go on with these weights, and says what it begins with.
    call_command(
        "retrain_cnn", backbone="test_resnet", weights="none", height=32, width=32, no_activate=True, stdout=out
    )
    assert "test_resnet with random weights" in out.getvalue()


def test_a_version_without_weights_is_served_and_the_next_training_starts_anew(trained_photos, model_dir, picture):
    version = ModelVersion.objects.get(kind="photos")
    (model_dir / version.name / "weights.safetensors").unlink()
    file = model_dir / version.name / "manifest.json"
    manifest = json.loads(file.read_text())
    del manifest["sha256"]["weights.safetensors"]
    file.write_text(json.dumps(manifest))
    version.digest = hashlib.sha256(file.read_bytes()).hexdigest()
    version.save()
    registry.forget()
    assert suggest_car([picture]).status == "car"
    out = io.StringIO()
    # A training of one epoch is worse, which the gate would say.
    call_command("retrain_cnn", "--epochs", "1", "--force", stdout=out)
    assert f"{version.name} holds no weights to go on from, so that training starts anew." in out.getvalue()
    assert "Trained the whole network, starting from tiny_test_network with random weights." in out.getvalue()


def test_a_version_in_service_that_cannot_be_read_is_no_reason_to_start_anew(trained_photos, model_dir):
    version = ModelVersion.objects.get(kind="photos")
    (model_dir / version.name / "manifest.json").write_text("{}")
    with pytest.raises(CommandError, match="--weights pretrained starts without the version in service"):
        call_command("retrain_cnn", stdout=io.StringIO())
    assert ModelVersion.objects.filter(kind="photos").count() == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "gpu"}, "--device gpu cannot be used"),
        ({"weights": "gone.pth"}, "there is no file"),
        ({"backbone": "resnet19"}, "timm has no backbone"),
        ({"freeze_backbone": True}, "shows the branches noise"),
        ({"backbone": "convnextv2_atto", "weights": "pretrained"}, "takes no photos of 24 x 32 pixels"),
        ({"backbone": "convnextv2_atto", "weights": "pretrained", "height": 64, "width": 64}, "--accept-licence"),
    ],
)
def test_an_option_that_cannot_be_meant_is_explained(car_ads, options, message):
    with pytest.raises(CommandError, match=message):
        call_command("retrain_cnn", **options, stdout=io.StringIO())


def test_evaluation_of_the_version_in_service(trained_photos, tmp_path):
    out = io.StringIO()
    others = tmp_path / "others"
    others.mkdir()
    rng = np.random.default_rng(5)
    for number in range(5):
        Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(others / f"{number}.png")
    paths = {name: tmp_path / f"report.{name}" for name in ("json", "html")}
    call_command("evaluate_cnn", not_cars=others, json=paths["json"], html=paths["html"], stdout=out)
    figures = json.loads(paths["json"].read_text())
    # What it was trained on is left out.
    version = ModelVersion.objects.get(kind="photos")
    assert figures["photos"] == version.metrics["photos"] < AdPhoto.objects.count() / 5
    assert figures["heads"]["model"]["accuracy"] == pytest.approx(version.metrics["heads"]["model"]["accuracy"])
    assert figures["pair_violations"] == 0
    assert figures["others_refused"] >= 0.8
    assert set(figures["pair_weights"]) == {"0.5", "1", "2"}
    assert figures["origin"]["backbone"] == "tiny_test_network"
    report = paths["html"].read_text()
    assert '<html lang="en">' in report
    assert report.count('<svg class="chart"') == 5
    assert "Coverage of brand" in out.getvalue()
    # A set this small is said to be.
    assert "Next: Color was tested on" in out.getvalue()
    assert "Color was tested on" in report


def test_the_report_shows_photos_of_what_is_confused(trained_photos, tmp_path):
    """Every photo of the folder is labelled with the other brand, so that every answer is a confusion."""
    records = make_photos(tmp_path / "photos", 12)
    others = {brand: next(pair for pair in MODELS if pair[0] != brand) for brand, _ in MODELS}
    lines = ["file,brand,model"]
    lines += [f"{record.path.name},{','.join(others[record.labels.brand])}" for record in records]
    (tmp_path / "photos" / "labels.csv").write_text("\n".join(lines))
    html = tmp_path / "report.html"
    call_command("evaluate_cnn", folder=tmp_path / "photos", html=html, stdout=io.StringIO())
    assert "data:image/jpeg;base64," in html.read_text()


def test_the_api_answers_with_pairs_of_the_catalog_only(trained_photos, client, picture):
    pytest.importorskip("ad_autocategorize.photos.uploads")
    upload = SimpleUploadedFile("../../x.png", as_png(picture), "text/html")
    answer = client.post(reverse("ad_autocategorize:suggest-car"), {"photos": upload}).json()
    assert answer["status"] == "car"
    assert answer["fields"]["color"]["options"][0]["label"] == "red"
    assert set(answer["models_by_brand"]) == {str(brand.pk) for brand in Brand.objects.all()}
    pks = {str(pk) for pk in CarModel.objects.values_list("pk", flat=True)}
    assert {option["value"] for option in answer["fields"]["car_model"]["options"]} <= pks
    bad = client.post(reverse("ad_autocategorize:suggest-car"), {"photos": SimpleUploadedFile("a.jpg", b"MZ")})
    assert bad.status_code == 400
    assert client.post(reverse("ad_autocategorize:suggest-car"), {}).status_code == 400


def bound_form(data, files):
    from marketplace.forms import AdForm

    query = QueryDict(mutable=True)
    query.update(data)
    return AdForm(query, MultiValueDict({"photos": files}))


def test_without_javascript_the_button_fills_the_empty_fields(trained_photos, picture):
    pytest.importorskip("ad_autocategorize.photos.uploads")
    upload = SimpleUploadedFile("x.png", as_png(picture))
    blue = Color.objects.get(name="blue")
    form = bound_form({"read_car_photo": "1", "color": str(blue.pk), "title": "auto"}, [upload])
    assert not form.is_valid()
    assert not form.errors
    with translation.override("en"):
        html = form.as_p()
    assert f'<option value="{trained_photos["Ajax", "Two"].pk}" selected>' in html
    # What the seller has chosen stays, whatever the photo shows.
    assert f'<option value="{blue.pk}" selected>' in html
    # The form holds the photo: it need not be chosen again.
    assert "Choose the photo again" not in html
    assert form["photos"].field.widget.photos


def test_twins_are_named_with_javascript_and_without(trained_photos, client, picture, settings):
    twins = [[["Ajax", "Two"], ["Bolt", "Too"]]]
    setattr(settings, SETTING, {**getattr(settings, SETTING), "TWIN_CARS": twins})
    upload = SimpleUploadedFile("x.png", as_png(picture))
    assert client.post(reverse("ad_autocategorize:suggest-car"), {"photos": upload}).json()["twins"] == ["Bolt Too"]
    with translation.override("en"):
        form = bound_form({"read_car_photo": "1"}, [SimpleUploadedFile("x.png", as_png(picture))])
        html = str(form["photos"])
    assert "The same car is sold as Bolt Too." in html
    assert "Brand: <strong>Ajax</strong>, " in html


def test_a_model_of_another_brand_is_not_put_beside_the_brand_that_was_chosen(trained_photos, picture):
    pytest.importorskip("ad_autocategorize.photos.uploads")
    bolt = Brand.objects.get(name="Bolt")
    upload = SimpleUploadedFile("x.png", as_png(picture))
    form = bound_form({"read_car_photo": "1", "brand": str(bolt.pk)}, [upload])
    assert form["brand"].value() == str(bolt.pk)
    assert not form["car_model"].value()


def test_a_file_that_is_no_photo_is_explained(trained_photos):
    pytest.importorskip("ad_autocategorize.photos.uploads")
    form = bound_form({"read_car_photo": "1"}, [SimpleUploadedFile("x.jpg", b"plain text")])
    assert "JPEG" in str(form["photos"])


def test_several_photos_are_read_together(trained_photos, picture):
    answer = suggest_car([draw_no_car(np.random.default_rng(3)), picture, picture])
    assert answer.photos_used == 2
    assert answer.fields["brand"].options[0].label == "Ajax"


def test_photos_of_different_cars_fill_in_nothing(trained_photos):
    rng = np.random.default_rng(8)
    answer = suggest_car([draw(pair, "red", 2010, rng) for pair in MODELS])
    assert answer.photos_disagree
    assert not any(field.accepted for field in answer.fields.values())
    with translation.override("en"):
        assert answer.message.startswith("These photos disagree")


def test_photos_of_ads_are_found_on_disk(trained_photos):
    assert read_photo(Path(AdPhoto.objects.last().image.path)).size == (48, 36)
