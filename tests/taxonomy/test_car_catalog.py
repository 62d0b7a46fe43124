"""Car catalogs as other people write them, brought in line with the one of the site."""

import json

import pytest
from django.core.management import CommandError, call_command

from taxonomy.models import BodyType, CarModel

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def run(tmp_path, text):
    path = tmp_path / "file"
    path.write_text(text)
    call_command("import_car_catalog", str(path))


CARS = "brand,model,body_type,year,note\nFord,Ka,Hatchback,2008-2012,x\nFord,Ka,Sedan,2015,x\nAudi,TT,Coupe,,x\n"


def test_the_car_catalog_widens_what_is_known(tmp_path, capsys):
    run(tmp_path, CARS)
    run(tmp_path, CARS)
    assert "2 created" in (out := capsys.readouterr().out)
    assert "2 unchanged" in out
    ka = CarModel.objects.get(name="Ka")
    assert (ka.first_year, ka.last_year, ka.body_types.count()) == (2008, 2015, 2)
    assert CarModel.objects.get(name="TT").first_year is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo,bar\nFord,Ka\n", "header 'foo,bar' lacks brand, model"),
        ("brand,model\n36,Alhambra\n", "the brand '36' is a number"),
        ("brand,model\n" + "F" * 150 + ",Ka\n", "Line 2: the brand has more than 100"),
        ("brand,model,year\nFord,Ka,20x8\n", "Line 2: '20x8' is no year"),
        ("brand,model,year\nFord,Ka,2012-2008\n", "run backwards"),
        ("brand,model\nFord,\n", "the model is empty"),
        ("brand,model\n", "no cars"),
    ],
)
def test_a_bad_catalog_is_explained_and_changes_nothing(text, message, tmp_path):
    with pytest.raises(CommandError, match=message):
        run(tmp_path, text)
    assert not CarModel.objects.exists()
    assert not BodyType.objects.exists()


def years(text, tmp_path, name="Uno"):
    CarModel.objects.all().delete()
    run(tmp_path, text)
    car = CarModel.objects.get(name=name)
    return car.first_year, car.last_year


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("brand,model,first_year,last_year\nFiat,Uno,2018,\n", (2018, None)),
        ("brand,model,first_year,last_year\nFiat,Uno,,2018\n", (None, 2018)),
        ("brand,model,first_year,last_year\nFiat,Uno,2018.0,nan\n", (2018, None)),
        ("brand,model,first_year,last_year\nFiat,Uno,N/A,N/A\n", (None, None)),
        ("make;model;startYear;endYear\nFiat;Uno;2018;-\n", (2018, None)),
        ("marca;modelo;año\nFiat;Uno;2018\n", (2018, 2018)),
        ("marca;modelo;anio\nFiat;Uno;2018\n", (2018, 2018)),
        ("brand,model,year\nFiat,Uno,2004-\n", (2004, None)),
        ("brand,model,year\nFiat,Uno,2004 – present\n", (2004, None)),
        ("brand,model,year\nFiat,Uno,since 2004\n", (2004, None)),
        ("brand,model,year\nFiat,Uno,-2004\n", (None, 2004)),
        ("brand,model,year\nFiat,Uno,2004/2007\n", (2004, 2007)),
        ('brand,model,year\nFiat,Uno,"[2004, 2005, 2007]"\n', (2004, 2007)),
        ("brand,model,year\nFiat,Uno,2004-2006\nFiat,Uno,2010-\n", (2004, None)),
        ('brand,model,year\nFiat,Uno,"2004-2006, 2010"\n', (2004, 2010)),
        ('brand,model,year\nFiat,Uno,"2004-2006; 2010-"\n', (2004, None)),
        ("brand,model,year\nFiat,Uno,09/2004 - 06/2010\n", (2004, 2010)),
        ("brand,model,year\nFiat,Uno,2004-\nFiat,Uno,\n", (2004, None)),
    ],
)
def test_years_as_catalogs_write_them(text, expected, tmp_path):
    assert years(text, tmp_path) == expected


def test_years_set_by_hand_stay_and_those_of_an_import_are_widened(tmp_path, capsys):
    assert years("brand,model,year\nFiat,Uno,2004-2010\n", tmp_path) == (2004, 2010)
    run(tmp_path, "brand,model,year\nFiat,Uno,2011\n")
    assert CarModel.objects.filter(first_year=2004, last_year=2011).exists()
    CarModel.objects.update(last_year=2009)
    run(tmp_path, "brand,model,year\nFiat,Uno,1990-2030\n")
    assert CarModel.objects.filter(first_year=2004, last_year=2009).exists()
    assert "Fiat Uno: the years 2004-2009 were set by hand and stay." in capsys.readouterr().out


CAR_DOCUMENTS = {
    "lists by brand": {"Seat": ["Ibiza", 600], "Fiat": ["Uno"]},
    "objects of brands": [{"brand": "Seat", "models": ["Ibiza", 600]}, {"make_name": "Fiat", "models": "Uno"}],
    "objects of objects": {
        "version": 1,
        "brands": [
            {"id": 1, "name": "Seat", "models": [{"id": 1, "name": "Ibiza"}, {"id": 2, "name": "600"}]},
            {"id": 2, "name": "Fiat", "models": {"Uno": {"model_id": 3, "model_name": "Uno"}}},
        ],
    },
    "an object a car": {
        "data": [
            {"make": "Seat", "model": "Ibiza"},
            {"make": "Seat", "model": 600},
            {"make": {"name": "Fiat"}, "model": "Uno"},
        ],
        "brands": [{"id": 1, "name": "Seat"}],
    },
    "trims": {"Seat": {"Ibiza": ["FR", "Style"], "600": []}, "Fiat": [{"model": "Uno", "trims": ["S"]}]},
    "a fixture": [
        {"model": "cars.carmodel", "pk": n, "fields": {"brand": brand, "name": name}}
        for n, (brand, name) in enumerate([("Seat", "Ibiza"), ("Seat", "600"), ("Fiat", "Uno")])
    ],
}


@pytest.mark.parametrize("form", CAR_DOCUMENTS)
def test_cars_are_read_from_json(form, tmp_path):
    run(tmp_path, json.dumps(CAR_DOCUMENTS[form]))
    assert [str(car) for car in CarModel.objects.all()] == ["Fiat Uno", "Seat 600", "Seat Ibiza"]


@pytest.mark.parametrize(
    "document",
    [
        [{"brand": "Fiat", "model": "Uno", "years": [2004, 2005, 2007], "body_styles": ["Sedan"]}],
        [{"name": "Fiat", "first_year": 1899, "models": {"Uno": {"years": [2004, 2007], "bodyType": "Sedan"}}}],
        [{"name": "Fiat", "models": [{"name": "Uno", "years": [{"year": 2004}, {"year": 2007}], "body": "Sedan"}]}],
        [{"maker": "Fiat", "model": "Uno", "year": y, "body": "Sedan"} for y in ("2004", 2007)],
        {"Fiat": {"2004": [{"model": "Uno", "body": "Sedan"}], "2007": ["Uno"]}},
    ],
)
def test_years_and_body_types_are_read_from_json(document, tmp_path):
    assert years(json.dumps(document), tmp_path) == (2004, 2007)
    assert BodyType.objects.get().name == "Sedan"
    assert years(json.dumps({"Fiat": {"Uno": [2004, 2007]}}), tmp_path) == (2004, 2007)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([{"brand_id": 1, "name": "Ibiza"}], "'Ibiza' has no brand. Expected"),
        ([{"brand": 1, "name": "Ibiza"}], "1 Ibiza: the brand '1' is a number"),
        ([{"brand": "Seat"}], "'Seat' has no model. Expected"),
        ({"models": [{"brand": 1, "name": "Ibiza"}]}, "No brand is named"),
        ({"Ibiza": {"years": [2004]}}, "'Ibiza' has no models"),
        ({"Seat": "Spain"}, "'Seat' has no models"),
        (["Seat"], "'Seat' is no car"),
        ({"Seat": [{"name": "Ibiza", "year": "20x8"}]}, "Seat Ibiza: '20x8' is no year"),
        (
            [{"model": "a.brand", "pk": 1, "fields": {}}, {"model": "a.car", "pk": 1, "fields": {}}],
            "holds a.brand, a.car",
        ),
    ],
)
def test_json_that_is_no_catalog_is_refused(document, message, tmp_path):
    with pytest.raises(CommandError, match=message):
        run(tmp_path, json.dumps(document))


def test_models_may_be_a_list(tmp_path):
    run(tmp_path, 'make,models\nFiat,"Uno, Panda"\nVW,"up!|Golf"\n')
    assert [str(car) for car in CarModel.objects.all()] == ["Fiat Panda", "Fiat Uno", "VW Golf", "VW up!"]


def test_body_types_may_be_a_list_and_names_of_three_catalogs_are_one(tmp_path):
    for text in (
        'brand,model,body_type\nALFA ROMEO,MITO,"Hatchback, Coupe"\nMERCEDES-BENZ,A-CLASS,N/A\nCITROEN,C4,SUV/Wagon\n',
        "make;model;body\nAlfa-Romeo;MiTo;hatchback\nMercedes Benz;A Class;\nCitroën;C 4;nan\nSaab;93;\nSaab;9-3;\n",
        "Make,Model,Body Style\nalfa romeo,Mito,['Coupe']\nMercedes,A-Class,Unknown\nSaab,9-3,\nFord,Ka,\nFord,Ka+,\n",
    ):
        run(tmp_path, text)
    cars = [str(car) for car in CarModel.objects.all()]
    assert cars == [
        "ALFA ROMEO MITO", "CITROEN C4", "Ford Ka", "Ford Ka+", "MERCEDES-BENZ A-CLASS", "Saab 9-3", "Saab 93",
    ]  # fmt: skip
    assert sorted(BodyType.objects.values_list("name", flat=True)) == ["Coupe", "Hatchback", "SUV", "Wagon"]
    assert CarModel.objects.get(name="MITO").body_types.count() == 2
