"""Writing a car field of an ad along the path that its source gives."""

import pytest

from ad_autocategorize.conf import SETTING
from ad_autocategorize.sources import SourceError, get_source
from ad_autocategorize.sources.writing import lock_own_records
from marketplace.models import Ad
from taxonomy.models import Brand, CarModel, Color
from tests.hosts.coches.ad_source import NoticeAds
from tests.hosts.coches.models import Make, Maker, Notice, Rubric, Shape, Vehicle

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.usefixtures("spanish")]


class OddAds(NoticeAds):
    """Describes cars in ways that cannot be written without being told how."""

    color = "paint_of"
    year = "vehicle__shape__doors"

    def paint_of(self, notice):
        return notice.vehicle.paint


class ToldAds(OddAds):
    def set_car_field(self, ad, name, text):
        if name != "color":
            return super().set_car_field(ad, name, text)
        Vehicle.objects.filter(notice=ad).update(paint=text.upper())


@pytest.fixture
def notice(settings):
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": "tests.hosts.coches.ad_source.NoticeAds"})
    seat, ford = Maker.objects.create(name="Seat"), Maker.objects.create(name="Ford")
    for maker, name in ((seat, "Ibiza"), (ford, "Ibiza"), (ford, "Ka")):
        Make.objects.create(brand=maker, name=name)
    shape = Shape.objects.create(label="Sedan")
    Shape.objects.create(label="Familiar")
    notice = Notice.objects.create(heading="Ibiza", rubric=Rubric.objects.create(name="Autos"))
    make = Make.objects.get(brand=seat, name="Ibiza")
    Vehicle.objects.create(notice=notice, maker=seat, make=make, shape=shape, paint="rojo", built=2001)
    return notice


def write(source, ad, **values):
    for name, text in values.items():
        source.set_car_field(ad, name, text)
    return Vehicle.objects.get(notice=ad)


def test_texts_numbers_and_rows_of_the_ads_own_record(notice):
    car = write(get_source(), notice, color="azul", year="2005", body_type="familiar", brand=" ford ")
    assert (car.paint, car.built, car.shape.label, car.maker.name) == ("azul", 2005, "Familiar", "Ford")
    assert Shape.objects.count() == Maker.objects.count() == 2


def test_of_two_models_with_one_name_the_brand_decides(notice):
    car = write(get_source(), notice, brand="Ford", car_model="Ibiza")
    assert car.make.brand.name == "Ford"
    Make.objects.create(brand=car.maker, name="Ibiza")
    with pytest.raises(SourceError, match="varias veces"):
        write(get_source(), notice, car_model="Ibiza")


def test_nothing_is_written_where_the_site_allows_it(notice):
    car = write(get_source(), notice, color="", year="", brand="")
    assert (car.paint, car.built, car.maker) == ("", None, None)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("brand", "Tesla", "Tesla.* falta en makers"),
        ("color", "a color of many letters", "paint.*10"),
        ("year", "1850", "built.*1900"),
        ("year", "new", "built"),
    ],
)
def test_what_the_site_cannot_hold_is_refused_and_said(notice, name, text, message):
    with pytest.raises(SourceError, match=message):
        write(get_source(), notice, **{name: text})
    assert str(Vehicle.objects.get(notice=notice).built) == "2001"


def test_an_ad_without_a_record_of_its_car(notice):
    Vehicle.objects.all().delete()
    with pytest.raises(SourceError, match="ficha"):
        get_source().set_car_field(Notice.objects.get(), "year", "2005")


@pytest.mark.parametrize(("name", "text"), [("color", "azul"), ("year", "2005")])
def test_methods_and_values_of_shared_rows_need_a_method(notice, name, text):
    with pytest.raises(SourceError, match=r"OddAds.set_car_field\(ad, .* is missing"):
        write(OddAds(), notice, **{name: text})
    shape = Vehicle.objects.get(notice=notice).shape
    assert shape.doors == 4


def test_a_host_says_it_itself(notice):
    assert write(ToldAds(), notice, color="azul", brand="Ford").paint == "AZUL"


def test_an_ads_own_records_are_read_anew(notice):
    assert notice.vehicle.paint == "rojo"
    Vehicle.objects.update(paint="azul")
    lock_own_records(get_source(), notice)
    assert notice.vehicle.paint == "azul"


def test_the_demo_points_at_the_catalog(marketplace_tree):
    audi, bmw = Brand.objects.create(name="Audi"), Brand.objects.create(name="BMW")
    CarModel.objects.create(brand=audi, name="A3")
    Color.objects.create(name="Azul")
    ad = Ad.objects.first()
    Ad.objects.filter(pk=ad.pk).update(brand=bmw)
    for name, text in (("brand", "audi"), ("car_model", "A3"), ("color", "azul"), ("year", "2005")):
        get_source().set_car_field(ad, name, text)
    ad = Ad.objects.get(pk=ad.pk)
    assert (ad.brand.name, ad.car_model.name, ad.color.name, ad.year) == ("Audi", "A3", "Azul", 2005)
    with pytest.raises(SourceError):
        get_source().set_car_field(ad, "year", "1")
