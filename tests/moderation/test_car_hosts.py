"""The review of car fields on a site whose ads keep their car in a record of its own."""

import pytest

from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import CarDecision
from ad_autocategorize.moderation.cars.review import accept, choose, undo
from ad_autocategorize.moderation.queue.deciding import Reviewer
from ad_autocategorize.sources import SourceError
from taxonomy.car_catalog import upsert_cars
from taxonomy.readers.cars import read_cars
from tests.hosts.coches.models import Make, Maker, Notice, Rubric, Shape, Vehicle
from tests.moderation.cars import issue_of, search

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.usefixtures("spanish")]


@pytest.fixture
def eva(moderators):
    return Reviewer(moderators[0])


@pytest.fixture
def host_ad(settings, db):
    """An ad of the host whose cars are records of their own: a Ford Corolla from before there were any."""
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": "tests.hosts.coches.ad_source.NoticeAds"})
    upsert_cars(read_cars("brand,model,body_type,year\nToyota,Corolla,Sedan,1990-2020\nFord,Ka,Sedan,1996-2020\n"))
    ford, toyota = Maker.objects.create(name="Ford"), Maker.objects.create(name="Toyota")
    corolla = Make.objects.create(brand=toyota, name="Corolla")
    notice = Notice.objects.create(heading="Corolla", rubric=Rubric.objects.create(name="Autos"))
    shape = Shape.objects.create(label="Pickup")
    Vehicle.objects.create(notice=notice, maker=ford, make=corolla, shape=shape, built=1970)
    return notice


def test_a_host_of_another_shape(host_ad, eva):
    assert search() == 1
    accept(issue_of(host_ad, "brand"), eva)
    assert search() == 2
    with pytest.raises(SourceError, match=r"Sedan.*falta"):
        accept(issue_of(host_ad, "body_type"), eva)
    Shape.objects.create(label="SEDAN")
    accept(issue_of(host_ad, "body_type"), eva)
    year = choose(issue_of(host_ad, "year"), {"year": "1995"}, eva)
    car = Vehicle.objects.get()
    assert (car.maker.name, car.make.name, car.shape.label, car.built) == ("Toyota", "Corolla", "SEDAN", 1995)
    assert search() == 0
    undo(year, eva)
    assert Vehicle.objects.get().built == 1970


def test_any_text_will_do_where_the_site_keeps_no_list(host_ad, client, moderators):
    Vehicle.objects.update(paint="rojo")
    search({host_ad.pk: {"color": ("azul", 0.99)}})
    issue = issue_of(host_ad, "color")
    client.force_login(moderators[0])
    page = client.get("/admin/ad_autocategorize/carissue/review/", {"issue": issue.pk})
    assert '<input name="value"' in page.content.decode()
    url = f"/admin/ad_autocategorize/carissue/{issue.pk}/decide/"
    data = {"version": issue.version, "decision": "other", "value": "verde oliva oscuro"}
    page = client.post(url, data, follow=True).content.decode()
    # Longer than the site's column: that is said, and what was typed stays.
    assert 'value="verde oliva oscuro"' in page
    assert 'class="error"' in page
    client.post(url, {**data, "value": " verde "})
    assert Vehicle.objects.get().paint == "verde"
    assert CarDecision.objects.get().after == {"color": "verde"}


def test_a_page_from_before_blind_mode_does_not_write_the_name_of_its_button(host_ad, client, moderators):
    Vehicle.objects.update(paint="rojo")
    search({host_ad.pk: {"color": ("azul", 0.99)}})
    issue = issue_of(host_ad, "color")
    client.force_login(moderators[0])
    client.post("/admin/ad_autocategorize/carissue/review/", {"blind": "1"})
    for pressed in ("accept", "nonsense"):
        data = {"version": issue.version, "decision": pressed, "value": "verde"}
        page = client.post(f"/admin/ad_autocategorize/carissue/{issue.pk}/decide/", data, follow=True)
        assert 'class="error"' in page.content.decode()
    assert Vehicle.objects.get().paint == "rojo"
    assert not CarDecision.objects.exists()
