"""Brand, model and year as titles name them, and what becomes of them in the form."""

import json

import pytest
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from ad_autocategorize.cars.services import car_category_values, models_of_brand, read_car_title
from ad_autocategorize.cars.titles import CatalogModel, TitleReader, key_of, mistakes_between
from ad_autocategorize.conf import SETTING
from marketplace.forms import AdForm
from taxonomy.models import Brand, CarModel
from tests.hosts.coches.models import Make, Maker, Rubric

CATALOG = [
    CatalogModel("Volkswagen", "Gol", 1991, 2023),
    CatalogModel("Volkswagen", "Golf", 1994, None),
    CatalogModel("Volkswagen", "Gol Trend", 2008, 2022),
    CatalogModel("Chevrolet", "Corsa", 1994, 2016),
    CatalogModel("Opel", "Corsa"),
    CatalogModel("Chevrolet", "S10", 1996, None),
    CatalogModel("Fiat", "Uno", 1985, 2013),
    CatalogModel("Peugeot", "206", 1999, 2012),
    CatalogModel("Peugeot", "2008", 2013, None),
    CatalogModel("Audi", "A3"),
    CatalogModel("Mercedes-Benz", "Clase A"),
    CatalogModel("Bentley", "Turbo"),
    CatalogModel("Renault", "Kangoo", 1998, None),
    CatalogModel("Ford", "EcoSport", 2003, 2022),
    CatalogModel("Citroën", "C4"),
]


@pytest.fixture(scope="module")
def reader():
    return TitleReader(CATALOG, ["Tesla"])


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Vendo Chevrolet Corsa 2008 GNC", ("Chevrolet", "Corsa", 2008)),
        ("VW GOL TREND 1.6 2013", ("Volkswagen", "Gol Trend", 2013)),
        # Spelling mistakes, in brands and models; never in numbers.
        ("Chebrolet corza 2008", ("Chevrolet", "Corsa", 2008)),
        ("wolksvagen gol mod 98", ("Volkswagen", "Gol", 1998)),
        ("Renault Kango 1.6", ("Renault", "Kangoo", None)),
        ("mercedez benz clase a", ("Mercedes-Benz", "Clase A", None)),
        ("citroen C 4 lounge 2015", ("Citroën", "C4", 2015)),
        ("Citroen C-4", ("Citroën", "C4", None)),
        ("ford eco sport 2010", ("Ford", "EcoSport", 2010)),
        ("Peugeot 207 2010", ("Peugeot", None, 2010)),
        ("chevrolet s-10 2005", ("Chevrolet", "S10", 2005)),
        # A number that is a model, a year, or neither.
        ("Peugeot 2008 2015", ("Peugeot", "2008", 2015)),
        ("Peugeot 206 2008", ("Peugeot", "206", 2008)),
        ("Fiat Uno $ 2000", ("Fiat", "Uno", None)),
        ("Fiat Uno 2000 km", ("Fiat", "Uno", None)),
        # Out of the model's years, or two of them: that is for the seller to say.
        ("Fiat Uno 2020", ("Fiat", "Uno", None)),
        ("Renault Kangoo 2012/2013", ("Renault", "Kangoo", None)),
        ("Chevrolet S10 2030", ("Chevrolet", "S10", None)),
        # A model without its brand, if it is one brand's alone and stands at the beginning.
        ("Gol trend 2010", ("Volkswagen", "Gol Trend", 2010)),
        ("corsa 2008", (None, None, 2008)),
        ("hermoso 1.6 turbo", (None, None, None)),
        ("sillas para el jardin y ademas una mesa uno", (None, None, None)),
        ("a 3 km de Rosario, Audi", ("Audi", None, None)),
        ("Tesla usado", ("Tesla", None, None)),
        # A brand with another's model.
        ("Ford Gol 2010", ("Ford", None, 2010)),
        ("", (None, None, None)),
        ("🚗 ＶＷ Ｇｏｌ", ("Volkswagen", "Gol", None)),
    ],
)
def test_titles_of_cars(reader, title, expected):
    found = reader.read(title, is_car=True, this_year=2026)
    assert (found.brand, found.model, found.year) == expected


@pytest.mark.parametrize("title", ["repuestos para Gol Trend", "Fiat, llavero", "Fiesta de 15", "alfombra vw"])
def test_where_it_may_be_no_car_brand_and_model_have_to_be_there(reader, title):
    found = reader.read(title, is_car=False, this_year=2026)
    assert (found.brand, found.model, found.year) == (None, None, None)
    assert reader.read("Fiat Uno 2005", is_car=False, this_year=2026).model == "Uno"


@pytest.mark.parametrize("title", ["a" * 5000, "gol " * 2000, "\x00\ud800", "1" * 4000, "沙发 🛋️", "ابتثجح " * 300])
def test_any_title_is_read_in_no_time(reader, title):
    reader.read(title[:500], is_car=True, this_year=2026)


def test_an_empty_catalog_says_nothing_but_the_year():
    assert TitleReader([]).read("Fiat Uno 2005", is_car=True, this_year=2026).year == 2005


def test_keys_and_mistakes():
    assert key_of("T-Cross") == key_of("t cross") == "tcross"
    assert mistakes_between("volkswagen", "wolksvagen") == 2
    assert mistakes_between("ab", "ba") == 1
    assert mistakes_between("", "abc") == 3


@pytest.fixture
def catalog(db):
    gol = CarModel.objects.create(brand=Brand.objects.create(name="Volkswagen"), name="Gol", first_year=1991)
    CarModel.objects.create(brand=gol.brand, name="Polo")
    CarModel.objects.create(brand=Brand.objects.create(name="Ford"), name="Ka")
    return gol


def values(found):
    return {name: field.options[0].value for name, field in found.items()}


def test_values_are_those_of_the_hosts_form(catalog):
    expected = {"brand": str(catalog.brand_id), "car_model": str(catalog.pk), "year": "2010"}
    assert values(read_car_title("vw gol 2010", is_car=False)) == expected
    # Names that change are followed, within a minute; rows that come at once.
    CarModel.objects.create(brand=catalog.brand, name="Golf")
    assert values(read_car_title("vw golf", is_car=True))["car_model"] != str(catalog.pk)
    assert {option.label for option in models_of_brand(str(catalog.brand_id))} == {"Gol", "Polo", "Golf"}
    assert models_of_brand("nonsense") == ()


def test_a_host_with_names_in_tables_of_its_own(catalog, settings):
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": "tests.hosts.coches.ad_source.NoticeAds"})
    maker = Maker.objects.create(pk=72, name="Volkswagen")
    Make.objects.create(brand=maker, name="Gol")
    assert values(read_car_title("vw gol 2010", is_car=True)) == {"brand": "72", "car_model": "Gol", "year": "2010"}


def test_the_source_says_which_categories_are_for_cars(marketplace_tree, settings):
    cars = marketplace_tree.find(["Vehículos", "Autos"])
    assert car_category_values() == {str(cars)}
    setattr(settings, SETTING, {**getattr(settings, SETTING), "SOURCE": "tests.hosts.coches.ad_source.NoticeAds"})
    Rubric.objects.create(name="Autos")
    assert car_category_values() is None


def press(**data):
    query = QueryDict(mutable=True)
    query.update({"currency": "ARS", "payment": "cash", "read_car_photo": "1", **data})
    return AdForm(query, MultiValueDict())


def test_without_javascript_the_button_reads_the_title_too(catalog, marketplace_tree):
    cars, sofas = (
        str(marketplace_tree.find(path)) for path in (["Vehículos", "Autos"], ["Hogar", "Muebles", "Sillones"])
    )
    form = press(title="vw gol 2010", category=cars)
    assert not form.is_valid()
    assert (form["brand"].value(), form["car_model"].value()) == (str(catalog.brand_id), str(catalog.pk))
    assert form["year"].value() == "2010"
    assert "Gol" in str(form["photos"])
    # What the seller says stays, and a model of another brand is not put beside it.
    ford = str(Brand.objects.get(name="Ford").pk)
    form = press(title="vw gol 2010", category=cars, brand=ford)
    assert (form["brand"].value(), form["car_model"].value()) == (ford, None)
    # A sofa has no brand of cars.
    assert press(title="vw gol 2010", category=sofas)["brand"].value() is None


def test_the_script_asks_for_the_same(client, catalog):
    answer = client.post(
        "/api/v1/suggestions/car/title/", json.dumps({"title": "vw gol", "car": True}), content_type="application/json"
    )
    assert answer.json()["fields"]["car_model"]["options"] == [{"value": str(catalog.pk), "label": "Gol"}]
    models = client.get("/api/v1/cars/models/", {"brand": str(catalog.brand_id)}).json()["models"]
    assert [model["label"] for model in models] == ["Gol", "Polo"]
    assert client.get("/api/v1/cars/models/").status_code == 400
    assert client.post("/api/v1/suggestions/car/title/", "{}", content_type="application/json").status_code == 400
