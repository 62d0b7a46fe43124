"""Folders of labelled photos: imported, or refused whole."""

import io
import re

import pytest
from django.core.management import CommandError, call_command

from ad_autocategorize.cars.labelled_photos import imported_photo_records
from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import ModelVersion
from taxonomy.models import CarModel, Color
from tests.photos.toys import make_photos, toy_settings

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def toy_network(settings):
    photos = toy_settings(epochs=10, freeze_backbone=False).to_dict()
    setattr(settings, SETTING, {**getattr(settings, SETTING), "PHOTOS": photos, "PHOTO_PRECISION": 0.6})


def test_a_folder_of_photos_is_imported_and_learned_from(tmp_path, model_dir):
    folder = tmp_path / "some cars"
    records = make_photos(folder / "photos", 70)
    lines = ["file,brand,model,body_type,color,year,split"]
    for record in records:
        labels = record.labels
        values = (labels.brand, labels.model, labels.body_type, labels.color or "", labels.year or "")
        split = "val" if len(lines) > 60 else "train"
        lines.append(",".join([record.path.name, *map(str, values), split]))
    (folder / "photos" / "bad.png").write_text("not a photo")
    lines.append("bad.png,Ajax,One,,,,train")
    (folder / "labels.csv").write_text("\n".join(lines), encoding="utf-8-sig")
    out = io.StringIO()
    call_command("import_car_photos", folder, split="train", stdout=out)
    assert "60 photos registered" in out.getvalue()
    assert "Left out: 1 photos, damaged" in out.getvalue()
    assert CarModel.objects.count() == 3
    assert Color.objects.count() == 2
    call_command("retrain_cnn", "--epochs", "2", stdout=io.StringIO())
    assert ModelVersion.objects.get(kind="photos").is_active
    call_command("evaluate_cnn", stdout=out)
    call_command("evaluate_cnn", folder=folder, split="val", stdout=out)
    assert "Hold-out of 10 photos" in out.getvalue()
    with pytest.raises(CommandError, match="no labelled car photos"):
        call_command("evaluate_cnn", folder=folder, split="test", stdout=out)
    (folder / "labels.csv").write_text("picture,brand\na,b")
    with pytest.raises(CommandError, match="header lacks file"):
        call_command("import_car_photos", folder)
    (folder / "labels.csv").write_text("file,brand\na,b")
    with pytest.raises(CommandError, match="header lacks split"):
        call_command("import_car_photos", folder, split="train")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1.png,Ajax,One,,,20044,", "line 3: '20044' is no year from 1885 to 2100"),
        ("1.png,Ajax,One,,,²⁰⁰⁴,", "is no year"),
        (f"1.png,{'A' * 150},One,,,2004,", "line 3: the brand has more than 100 characters"),
        (f"1.png,Ajax,One,,{'r' * 150},2004,", "the color has more than 100"),
        ("1.png,Ajax,One,,red,2004,most", "the color_weight 'most' is no number from 0 to 1"),
        ("0.png,Bolt,One,,,2004,", "line 3: 0.png is on line 2 already"),
    ],
)
def test_a_set_that_a_catalog_would_refuse_leaves_the_older_one_as_it_was(tmp_path, model_dir, line, message):
    folder = tmp_path / "set"
    make_photos(folder / "photos", 2)
    head = "file,brand,model,body_type,color,year,color_weight\n0.png,Ajax,One,,,2000,\n"
    (folder / "labels.csv").write_text(head)
    call_command("import_car_photos", folder, stdout=io.StringIO())
    registered = (model_dir / "photo-sets" / "set.csv").read_text()
    (folder / "labels.csv").write_text(head + line)
    with pytest.raises(CommandError, match=re.escape(message)):
        call_command("import_car_photos", folder)
    assert (model_dir / "photo-sets" / "set.csv").read_text() == registered
    assert list(CarModel.objects.values_list("brand__name", "name")) == [("Ajax", "One")]


def test_a_set_in_another_encoding_or_without_its_photos_is_refused(tmp_path, model_dir):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "labels.csv").write_bytes("file,brand,model\n0.png,Citro\u00ebn,C3\n".encode("cp1252"))
    with pytest.raises(CommandError, match="is not UTF-8: see line 2"):
        call_command("import_car_photos", folder)
    (folder / "labels.csv").write_text("file,brand,model\n0.png,Citro\u00ebn,C3\n")
    for options in ({}, {"unchecked": True}):
        with pytest.raises(CommandError, match="None of the 1 photos can be used: 1 x no such file"):
            call_command("import_car_photos", folder, **options)
    assert not CarModel.objects.exists()
    assert not list(model_dir.glob("photo-sets/*"))


def test_a_guessed_color_is_learned_from_by_its_weight(tmp_path, model_dir):
    folder = tmp_path / "set"
    make_photos(folder / "photos", 2)
    (folder / "labels.csv").write_text(
        "file,brand,model,color,color_weight\n0.png,Ajax,One,red,0.8\n1.png,Ajax,One,blue,\n"
    )
    call_command("import_car_photos", folder, stdout=io.StringIO())
    assert [record.color_weight for record in imported_photo_records()] == [0.8, 1.0]
