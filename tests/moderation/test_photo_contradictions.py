"""Car fields that contradict what a really trained network sees in the photos."""

import numpy as np
import pytest
from django.core.files.base import ContentFile

from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import CarIssue
from ad_autocategorize.moderation.cars.review import accept
from ad_autocategorize.moderation.queue.deciding import Reviewer
from marketplace.models import Ad, AdPhoto
from taxonomy.models import BodyType, Brand, CarModel, Color
from tests.moderation.conftest import attach_photo, find_mislabels
from tests.photos.toys import BODIES, MODELS, draw

pytestmark = [pytest.mark.django_db, pytest.mark.database]

LIST = "/admin/ad_autocategorize/carissue/"


@pytest.fixture
def catalog(marketplace_tree):
    """The cars of the toy world; the catalog knows no years and so has nothing against any."""
    for brand, name in MODELS:
        row, _ = Brand.objects.get_or_create(name=brand)
        body, _ = BodyType.objects.get_or_create(name=BODIES[brand, name])
        CarModel.objects.create(brand=row, name=name).body_types.add(body)
    Color.objects.bulk_create([Color(name="Red"), Color(name="blue")])


@pytest.fixture
def car_ads(catalog, served_network, marketplace_tree):
    """Ads of cars as they are in their photos: every model in both colors and of both years."""
    ads = Ad.objects.filter(category=marketplace_tree.find(["Vehículos", "Autos"]))[:12]
    rng = np.random.default_rng(4)
    for number, ad in enumerate(ads):
        pair, color, year = MODELS[number % 3], ("red", "blue")[number // 3 % 2], (2000, 2010)[number // 6]
        state(ad, pair, color=Color.objects.get(name__iexact=color), year=year)
        for _ in range(2):
            attach_photo(ad, draw(pair, color, year, rng))
    return list(ads)


def state(ad, pair, **values):
    model = CarModel.objects.get(brand__name=pair[0], name=pair[1])
    fields = {"brand": model.brand, "car_model": model, "body_type": model.body_types.get(), **values}
    Ad.objects.filter(pk=ad.pk).update(**fields)


def test_what_the_seller_states_against_his_photos_is_found_and_nothing_else(car_ads, admin_client):
    find_mislabels("--photos")
    assert not CarIssue.objects.exists()

    repainted, renamed, aged = car_ads[0], car_ads[3], car_ads[6]
    Ad.objects.filter(pk=repainted.pk).update(color=Color.objects.get(name="blue"))
    state(renamed, ("Bolt", "One"))
    # Photos tell a year to a few years only.
    Ad.objects.filter(pk=aged.pk).update(year=2000)
    Ad.objects.filter(pk=car_ads[7].pk).update(year=2007)
    find_mislabels("--photos")
    found = {issue.ad_id: issue for issue in CarIssue.objects.all()}
    assert {(issue.ad_id, issue.field, issue.stated, issue.expected) for issue in CarIssue.objects.all()} == {
        (str(repainted.pk), "color", "blue", "red"),
        (str(renamed.pk), "brand", "Bolt", "Ajax"),
        (str(aged.pk), "year", "2000", "2010"),
    }
    assert {issue.evidence for issue in found.values()} == {"photo"}
    assert min(issue.probability for issue in found.values()) >= 0.9
    html = admin_client.get(LIST, {"evidence__exact": "photo"}).content.decode()
    for ad in (repainted, renamed, aged):
        assert ad.title in html
        assert ad.photos.first().image.url in html

    # Nobody looks at photos: what they said of cars that are as they were stands.
    Ad.objects.filter(pk=repainted.pk).update(color=Color.objects.get(name="Red"))
    Ad.objects.filter(pk=aged.pk).update(status="pending")
    find_mislabels()
    assert set(CarIssue.objects.values_list("ad_id", flat=True)) == {str(renamed.pk)}
    state(renamed, ("Ajax", "One"))
    find_mislabels("--photos")
    assert not CarIssue.objects.exists()


def test_another_car_in_the_photos_is_accepted_whole_and_not_found_again(car_ads, served_network, moderators):
    for ad, pair in ((car_ads[1], MODELS[2]), (car_ads[2], MODELS[0])):
        state(ad, pair)
    Ad.objects.filter(pk=car_ads[0].pk).update(color=Color.objects.get(name="blue"))
    find_mislabels("--photos")
    assert CarIssue.objects.exists()
    assert set(CarIssue.objects.values_list("model", flat=True)) == {served_network.name}
    for issue in CarIssue.objects.order_by("pk"):
        # One answer may close other questions about the car.
        if CarIssue.objects.filter(pk=issue.pk, state="open").exists():
            accept(CarIssue.objects.get(pk=issue.pk), Reviewer(moderators[0]))
    shown = {
        ad.pk: (ad.brand.name, ad.car_model.name, ad.color.name)
        for ad in Ad.objects.filter(pk__in=[ad.pk for ad in car_ads])
    }
    assert [shown[ad.pk][:2] for ad in car_ads[:3]] == list(MODELS[:3])
    assert shown[car_ads[0].pk][2] == "Red"
    find_mislabels("--photos")
    assert not CarIssue.objects.filter(state="open").exists()


def test_a_damaged_and_a_missing_photo_leave_the_others_their_say(car_ads):
    ad = car_ads[0]
    ad.photos.all().delete()
    Ad.objects.filter(pk=ad.pk).update(color=Color.objects.get(name="blue"))
    AdPhoto.objects.create(ad=ad, image=ContentFile(b"no photo", name="a.jpg"))
    AdPhoto.objects.create(ad=ad, image="missing.jpg")
    find_mislabels("--photos")
    assert not CarIssue.objects.exists()
    attach_photo(ad, draw(MODELS[0], "red", 2000, np.random.default_rng(1)))
    find_mislabels("--photos")
    assert [(issue.ad_id, issue.field) for issue in CarIssue.objects.all()] == [(str(ad.pk), "color")]


def test_one_badge_of_a_car_does_not_contradict_another(car_ads, settings):
    state(car_ads[0], ("Bolt", "One"))
    find_mislabels("--photos")
    assert set(CarIssue.objects.values_list("field", flat=True)) == {"brand"}
    twins = [[["AJAX", "one"], ["Bolt", "One"]]]
    setattr(settings, SETTING, {**getattr(settings, SETTING), "TWIN_CARS": twins})
    find_mislabels("--photos")
    assert not CarIssue.objects.exists()
