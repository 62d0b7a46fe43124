"""Photos that speak for or against the category, in the ranking of the review queue; the network is a real one."""

import numpy as np
import pytest
from django.utils import timezone

from ad_autocategorize import registry
from ad_autocategorize.models import LabelIssue
from ad_autocategorize.moderation.search.doubts import PHOTO_EVIDENCE
from ad_autocategorize.photos.predictor import PhotoPredictor
from marketplace.models import Ad, AdPhoto
from taxonomy.models import Brand
from tests.moderation.conftest import attach_photo, find_mislabels
from tests.photos.toys import MODELS, draw, draw_no_car

pytestmark = [pytest.mark.django_db, pytest.mark.database]

CAR, NO_CAR = True, False


@pytest.fixture
def cars(mislabelled, marketplace_tree):
    """The ads at Autos name a brand; of the others none does."""
    filed = Ad.objects.filter(category=marketplace_tree.find(["Vehículos", "Autos"]))
    filed.update(brand=Brand.objects.create(name="Fiat"))
    return filed


@pytest.fixture
def careless(cars, marketplace_tree):
    """Sellers as they are: a dozen more ads lie in a wrong category, so that titles alone are never quite sure."""
    paths = [
        ["Hogar", "Muebles", "Mesas"],
        ["Hogar", "Muebles", "Sillones"],
        ["Hogar", "Cocina"],
        ["Vehículos", "Motos"],
    ]
    words = ["mesa ratona", "sillon futon", "olla sarten", "moto scooter"]
    for number in range(12):
        path = paths[(number + 1 + number // 4) % 4]
        file_ad(f"{words[number % 4]} modelo {number % 5}", path, marketplace_tree)


def file_ad(title, path, tree):
    seller = Ad.objects.first().seller
    return Ad.objects.create(title=title, category_id=tree.find(path), seller=seller, status="published")


def show(ad, what):
    """Give the ad three photos: the network refuses one car in some dozens, and one car among them makes it a car's ad."""
    rng = np.random.default_rng(AdPhoto.objects.count())
    for pair, color in zip(MODELS, ("red", "blue", "red"), strict=True):
        attach_photo(ad, draw(pair, color, 2010, rng) if what is CAR else draw_no_car(rng))


def issues(*options):
    LabelIssue.objects.all().delete()
    find_mislabels(*options)
    return {issue.ad_id: issue for issue in LabelIssue.objects.all()}


def test_of_many_ads_the_photos_raise_those_that_are_filed_wrongly(careless, cars, served_network, marketplace_tree):
    autos, sofas = ["Vehículos", "Autos"], ["Hogar", "Muebles", "Sillones"]
    right = list(cars.filter(title__startswith="sedan"))
    for ad in right:
        show(ad, CAR)
    furniture = [file_ad(f"sillon sofa modelo {number}", sofas, marketplace_tree) for number in range(3)]
    for ad in furniture:
        show(ad, NO_CAR)
    no_cars = [file_ad(f"auto sedan nafta modelo {number}", autos, marketplace_tree) for number in range(3)]
    for ad in no_cars:
        show(ad, NO_CAR)
    hidden_car = file_ad("sillon sofa auto sedan", sofas, marketplace_tree)
    show(hidden_car, CAR)

    by_title, found = issues(), issues("--photos")
    raised = {key: issue for key, issue in found.items() if key not in by_title}
    assert set(raised) == {str(ad.pk) for ad in [*no_cars, hidden_car]}
    assert {issue.kind for issue in raised.values()} == {"photo"}
    assert raised[str(hidden_car.pk)].suggested_id == marketplace_tree.find(autos)
    assert {issue.level for issue in raised.values()} == {1}
    assert all(marketplace_tree.find(autos) != raised[str(ad.pk)].suggested_id for ad in no_cars)
    assert not {str(ad.pk) for ad in [*right, *furniture]} & set(found)
    # What titles had found stays found.
    assert set(by_title) <= set(found)


def test_an_ad_among_cars_whose_photo_shows_none_is_queued(cars, served_network, marketplace_tree):
    ad, fine = cars.filter(title__startswith="sedan")[:2]
    show(ad, NO_CAR)
    show(fine, CAR)
    assert str(ad.pk) not in issues()
    found = issues("--photos")
    assert str(fine.pk) not in found
    issue = found[str(ad.pk)]
    assert (issue.kind, issue.given_id) == ("photo", ad.category_id)
    # Furniture: the paths part at the main category.
    assert marketplace_tree.path_names(issue.suggested_id)[0] == "Hogar"
    assert issue.level == 1
    assert issue.suggested_probability < issue.given_probability

    # Nobody looks at photos: what they said stands while the ad is as it was.
    find_mislabels()
    assert LabelIssue.objects.get(pk=issue.pk).kind == "photo"
    Ad.objects.filter(pk=ad.pk).update(title=f"{ad.title} azul")
    find_mislabels()
    assert not LabelIssue.objects.filter(pk=issue.pk).exists()


def test_a_car_in_the_photo_strengthens_the_title_that_says_so(cars, served_network, marketplace_tree):
    motos = marketplace_tree.find(["Vehículos", "Motos"])
    ad = Ad.objects.create(title="auto sedan", category_id=motos, seller=cars[0].seller, status="published")
    show(ad, CAR)
    before, after = issues()[str(ad.pk)], issues("--photos")[str(ad.pk)]
    assert (after.kind, after.suggested_id, after.level) == ("error", cars[0].category_id, 2)
    assert after.priority == pytest.approx(before.priority + PHOTO_EVIDENCE)


def test_a_photo_can_speak_for_the_seller(cars, served_network, mislabelled):
    ad = mislabelled["moto casco modelo 2"]
    show(ad, CAR)
    before, after = issues()[str(ad.pk)], issues("--photos")[str(ad.pk)]
    assert after.priority == pytest.approx(before.priority - PHOTO_EVIDENCE)


def test_the_queue_is_ordered_and_cut_with_the_photos_heard(cars, served_network, mislabelled):
    assert len(issues()) > 1
    weakest = min(issues().values(), key=lambda issue: issue.priority)
    ad = mislabelled["moto casco modelo 2"]
    show(ad, NO_CAR)
    LabelIssue.objects.all().delete()
    first = issues("--photos", "--limit", "1")
    assert list(first) == [str(ad.pk)]
    assert weakest.ad_id not in first


def test_photos_are_looked_at_once_and_only_where_titles_speak_of_cars(cars, served_network, monkeypatch):
    asked, predict = [], PhotoPredictor.predict

    def count(self, photos, **options):
        asked.append(len(photos))
        return predict(self, photos, **options)

    monkeypatch.setattr(PhotoPredictor, "predict", count)
    for ad in Ad.objects.filter(title__startswith="olla")[:3]:
        show(ad, CAR)
    issues("--photos")
    assert asked == []
    show(cars[0], CAR)
    issues("--photos")
    # Once for the category and for the car's fields.
    assert asked == [3]


def test_ads_without_photos_or_a_site_without_a_model_change_nothing(cars, served_network):
    plain = {key: issue.priority for key, issue in issues().items()}
    assert {key: issue.priority for key, issue in issues("--photos").items()} == plain
    served_network.delete()
    registry.forget()
    show(cars[0], NO_CAR)
    assert {key: issue.priority for key, issue in issues("--photos").items()} == plain


def test_it_is_shown_filtered_and_stays_settled_as_any_other(cars, served_network, admin_client):
    ad = cars.filter(title__startswith="sedan")[0]
    show(ad, NO_CAR)
    issue = issues("--photos")[str(ad.pk)]
    page = "/admin/ad_autocategorize/labelissue/"
    assert ad.title in admin_client.get(page, {"kind__exact": "photo"}).content.decode()
    assert ad.title in admin_client.get(f"{page}review/", {"issue": issue.pk}).content.decode()
    LabelIssue.objects.filter(pk=issue.pk).update(state="kept", decided_at=timezone.now())
    find_mislabels("--photos")
    assert LabelIssue.objects.get(ad_id=str(ad.pk)).state == "kept"
