"""What becomes of a new photo network beside the one in service; toy cars, and a network that was really trained."""

import dataclasses
import io

import pytest
from django.core.management import call_command

from ad_autocategorize.cars.hold_out import only_held_out
from ad_autocategorize.cars.judging import BRAND, CarAnswers, ask_cars, car_counts, judge_photos
from ad_autocategorize.cars.labelled_photos import imported_photo_records
from ad_autocategorize.conf import SETTING
from ad_autocategorize.management.versions import comparison_lines
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.photos.predictor import PhotoPredictor
from ad_autocategorize.versions.comparing import compare_versions
from ad_autocategorize.versions.outcomes import Outcomes
from tests.photos.toys import make_photos, toy_settings

pytestmark = pytest.mark.django_db


class Site:
    """A network in service that has learned from 700 toy cars, and the photos of its hold-out."""

    def __init__(self, folder):
        self.champion = ModelVersion.objects.get(kind="photos")
        self.directory = folder / self.champion.name
        self.predictor = PhotoPredictor.load(self.directory)
        self.records = list(only_held_out(imported_photo_records(), self.directory))
        self.counts = self.champion.counts

    def judge(self, records=None, answers=None, counts=None, ads=None):
        """Judge a network that answers as the champion does, but for what is given."""
        records = self.records if records is None else records
        answers = ask_cars(self.predictor, records) if answers is None else answers
        return judge_photos(
            self.champion,
            answers,
            records,
            self.counts if counts is None else counts,
            ads=self.champion.ad_count if ads is None else ads,
            metrics=self.champion.metrics,
            tolerance=0.01,
        )


@pytest.fixture
def site(settings, tmp_path, model_dir):
    photos = toy_settings(epochs=8, freeze_backbone=False).to_dict()
    setattr(settings, SETTING, {**getattr(settings, SETTING), "PHOTOS": photos})
    records = make_photos(tmp_path / "cars", 700)
    lines = ["file,brand,model,body_type,color,year"]
    for record in records:
        car = record.labels
        lines.append(f"{record.path.name},{car.brand},{car.model},{car.body_type},{car.color or ''},{car.year or ''}")
    (tmp_path / "cars" / "labels.csv").write_text("\n".join(lines))
    call_command("import_car_photos", tmp_path / "cars", stdout=io.StringIO())
    call_command("retrain_cnn", stdout=io.StringIO())
    return Site(model_dir)


def codes(verdict):
    return {row["code"] for row in verdict.reasons}


def relabelled(record, **labels):
    return dataclasses.replace(record, labels=dataclasses.replace(record.labels, **labels))


def test_the_life_of_a_photo_network(site, model_dir):
    """One network for all, since training one takes long."""
    champion = site.champion
    assert champion.status == "active"
    assert champion.settings["backbone"] == "tiny_test_network"
    assert {row["key"] for row in champion.counts} >= {"brand", "year", f"{BRAND}Ajax"}
    assert "epoch   1" in champion.log
    outcomes = Outcomes.load(site.directory)
    assert len(outcomes.keys) == len(site.records) >= 50
    assert "brand:Ajax" in outcomes.values
    assert "model:Bolt One" in outcomes.values

    verdict = site.judge()
    assert verdict.passed
    assert verdict.compared[0]["ads"] == len(site.records)
    assert {row["name"] for row in verdict.compared} >= {"", "brand", "model", "body_type"}

    # Half of the ads name another brand by mistake, in the hold-out too.
    wrong = {"Ajax": ("Bolt", "One"), "Bolt": ("Ajax", "Two")}
    half = [
        relabelled(record, **dict(zip(("brand", "model"), wrong[record.labels.brand], strict=True)))
        if number % 2
        else record
        for number, record in enumerate(site.records)
    ]
    assert "labels" in codes(site.judge(half))
    # A new network that knows the fields no longer.
    known = ask_cars(site.predictor, site.records)
    worse = known.right.copy()
    worse[::2][worse[::2] == 1] = 0
    verdict = site.judge(answers=CarAnswers(known.keys, worse))
    assert codes(verdict) == {"worse"}
    assert {row["name"] for row in verdict.reasons} >= {"", "brand"}
    # A broken source, and a field that no ad states any more.
    assert codes(site.judge(ads=champion.ad_count // 10)) == {"few_ads"}
    without = [row for row in site.counts if row["key"] != "year"]
    assert [(row["code"], row["name"]) for row in site.judge(counts=without).reasons] == [("emptied", "year")]
    no_bolts = [row for row in site.counts if row["key"] != f"{BRAND}Bolt"]
    assert [row["name"] for row in site.judge(counts=no_bolts).reasons] == ["Bolt"]

    # Trained again on the same photos, it is compared with itself, photo by photo.
    call_command("retrain_cnn", "--epochs", "2", "--no-activate", stdout=io.StringIO())
    second = ModelVersion.objects.exclude(pk=champion.pk).get()
    assert second.parent == champion
    assert second.data_fingerprint == champion.data_fingerprint
    assert second.verdict["compared"][0]["ads"] == len(site.records)
    text = "\n".join(comparison_lines(compare_versions(champion, second)))
    assert f"On {len(site.records)} ads that both had set aside, Marca" in text
    assert "B can answer too" not in text


def test_counts_are_of_ads_and_not_of_photos(tmp_path):
    first, second, third = make_photos(tmp_path, 3)
    records = [first, dataclasses.replace(second, group=first.group, labels=first.labels), third]
    rows = {row["key"]: row["ads"] for row in car_counts(records)}
    assert rows["brand"] == 2
    assert rows[f"{BRAND}Ajax"] == 1
