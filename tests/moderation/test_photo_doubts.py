"""Photos that speak for or against the category, in the ranking of the review queue."""

import io

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image

from ad_autocategorize import registry
from ad_autocategorize.models import LabelIssue
from ad_autocategorize.moderation.doubts import PHOTO_EVIDENCE
from ad_autocategorize.photos.answers import CarAnswer, HeadAnswer, Option
from ad_autocategorize.photos.vocabularies import HEADS
from marketplace.models import Ad, AdPhoto
from taxonomy.models import Brand
from tests.moderation.conftest import find_mislabels

pytestmark = [pytest.mark.django_db, pytest.mark.database]

CAR, NO_CAR = "red", "blue"


class Predictor:
    """Sees a car in every red picture, and counts what it is asked."""

    def __init__(self):
        self.asked = 0

    def predict(self, photos, *, limit):
        self.asked += 1
        heads = {head: HeadAnswer((Option("?", 0.1),), 0.1, False) for head in HEADS}
        return CarAnswer(photos[0].getpixel((9, 9))[0] > 128, heads, {}, (), len(photos))


@pytest.fixture
def predictor(monkeypatch, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    predictor = Predictor()
    monkeypatch.setattr(registry, "active_predictor", lambda: predictor)
    return predictor


@pytest.fixture
def cars(mislabelled, marketplace_tree):
    """The ads at Autos name a brand; of the others none does."""
    filed = Ad.objects.filter(category=marketplace_tree.find(["Vehículos", "Autos"]))
    filed.update(brand=Brand.objects.create(name="Fiat"))
    return filed


def show(ad, color):
    jpeg = io.BytesIO()
    Image.new("RGB", (64, 48), color).save(jpeg, "JPEG")
    AdPhoto.objects.create(ad=ad, image=ContentFile(jpeg.getvalue(), name="a.jpg"))


def issues(*options):
    LabelIssue.objects.all().delete()
    find_mislabels(*options)
    return {issue.ad_id: issue for issue in LabelIssue.objects.all()}


def test_an_ad_among_cars_whose_photo_shows_none_is_queued(cars, predictor, marketplace_tree):
    ad, fine = cars.filter(title__startswith="sedan")[:2]
    show(ad, NO_CAR)
    show(fine, CAR)
    assert str(ad.pk) not in issues()
    found = issues("--photos")
    assert str(fine.pk) not in found
    issue = found[str(ad.pk)]
    assert (issue.kind, issue.given_id) == ("photo", ad.category_id)
    path = marketplace_tree.path_ids(issue.suggested_id)
    assert issue.suggested_id != ad.category_id
    assert issue.level == (2 if path[0] == marketplace_tree.path_ids(ad.category_id)[0] else 1)
    assert issue.suggested_probability < issue.given_probability


def test_a_car_in_the_photo_strengthens_the_title_that_says_so(cars, predictor, marketplace_tree):
    motos = marketplace_tree.find(["Vehículos", "Motos"])
    ad = Ad.objects.create(title="auto sedan", category_id=motos, seller=cars[0].seller, status="published")
    show(ad, CAR)
    before, after = issues()[str(ad.pk)], issues("--photos")[str(ad.pk)]
    assert (after.kind, after.suggested_id) == ("error", cars[0].category_id)
    assert after.priority == pytest.approx(before.priority + PHOTO_EVIDENCE)


def test_a_photo_can_speak_for_the_seller(cars, predictor, mislabelled):
    ad = mislabelled["moto casco modelo 2"]
    show(ad, CAR)
    before, after = issues()[str(ad.pk)], issues("--photos")[str(ad.pk)]
    assert after.priority == pytest.approx(before.priority - PHOTO_EVIDENCE)


def test_the_queue_is_ordered_and_cut_with_the_photos_heard(cars, predictor, mislabelled):
    assert len(issues()) > 1
    weakest = min(issues().values(), key=lambda issue: issue.priority)
    ad = mislabelled["moto casco modelo 2"]
    show(ad, NO_CAR)
    first = issues("--photos", "--limit", "1")
    assert list(first) == [str(ad.pk)]
    assert weakest.ad_id not in first


def test_photos_are_looked_at_once_and_only_where_titles_speak_of_cars(cars, predictor):
    for ad in Ad.objects.filter(title__startswith="olla")[:3]:
        show(ad, CAR)
    issues("--photos")
    assert predictor.asked == 0
    show(cars[0], CAR)
    issues("--photos")
    # For the category and for the car's fields.
    assert predictor.asked == 1


def test_ads_without_photos_or_a_site_without_a_model_change_nothing(cars, monkeypatch):
    plain = {key: issue.priority for key, issue in issues().items()}
    assert {key: issue.priority for key, issue in issues("--photos").items()} == plain
    monkeypatch.setattr(registry, "active_predictor", lambda: None)
    show(cars[0], NO_CAR)
    assert {key: issue.priority for key, issue in issues("--photos").items()} == plain


def test_it_is_shown_filtered_and_stays_settled_as_any_other(cars, predictor, admin_client):
    ad = cars.filter(title__startswith="sedan")[0]
    show(ad, NO_CAR)
    issue = issues("--photos")[str(ad.pk)]
    page = "/admin/ad_autocategorize/labelissue/"
    assert ad.title in admin_client.get(page, {"kind__exact": "photo"}).content.decode()
    assert ad.title in admin_client.get(f"{page}review/", {"issue": issue.pk}).content.decode()
    LabelIssue.objects.filter(pk=issue.pk).update(state="kept", decided_at=timezone.now())
    find_mislabels("--photos")
    assert LabelIssue.objects.get(ad_id=str(ad.pk)).state == "kept"
