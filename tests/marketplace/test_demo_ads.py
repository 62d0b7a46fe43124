"""What the demo's generator makes: an assortment, titles, prices, sellers and mislabels as on a real site."""

import io
import random
from collections import Counter
from datetime import datetime

import pytest
from django.core.management import call_command
from PIL import Image

from ad_autocategorize.cars.labelled_photos import read_photo_set
from ad_autocategorize.categories.services import suggest_categories
from ad_autocategorize.photos.training.images import difference_hash, read_photo
from ad_autocategorize.photos.training.splitting import near_duplicates
from marketplace.demo.car_pictures import draw_car, make_cars
from marketplace.demo.generator import MISLABELLED, generate_ads, make_price
from marketplace.demo.outline import Prices, read_outline
from marketplace.demo.sellers import MOST_OF_A_PERSON, choose_sellers
from marketplace.demo.textures import draw_texture
from marketplace.demo.thing_pictures import draw_thing, read_things, thing_of
from marketplace.models import Ad

NOW = datetime(2026, 1, 1)


@pytest.fixture(scope="module")
def branches():
    return list(read_outline())


@pytest.fixture(scope="module")
def ads(branches):
    return list(generate_ads(branches, 6000, until=NOW, seed=1))


def test_there_is_most_of_what_sells_most(ads):
    count = Counter(ad.path[-1] if ad.path[-1] not in ("Venta", "Alquiler") else ad.path[-2] for ad in ads)
    assert count["Celulares"] > 10 * count["Planchas y aspiradoras"]
    assert count["Departamentos"] > count["Casas"] > 10 * count["Oficinas"] > 0
    assert count["Estampillas"] + count["Traducciones"] < 15
    assert len({ad.path for ad in ads}) > 240


def test_equal_seeds_make_equal_ads_and_others_others(branches, ads):
    assert list(generate_ads(branches, 200, until=NOW, seed=1)) == list(generate_ads(branches, 200, until=NOW, seed=1))
    assert [ad.title for ad in generate_ads(branches, 50, until=NOW, seed=2)] != [ad.title for ad in ads[:50]]


def test_titles_have_no_template_left_and_say_what_belongs_there(ads):
    for ad in ads:
        assert not set("{}|@") & set(ad.title)
        assert 3 <= len(ad.title) <= 120
    flats = [ad.title.lower() for ad in ads if ad.right_path[:2] == ("Inmuebles", "Departamentos")]
    assert not [title for title in flats if "en caja" in title or "envio" in title]


def test_prices_are_those_of_the_category(ads):
    for_sale = [ad for ad in ads if ad.right_path == ("Inmuebles", "Departamentos", "Venta") and ad.price]
    assert all(ad.dollars and 36_000 <= ad.price <= 230_000 for ad in for_sale)
    phones = [ad for ad in ads if ad.right_path[-1] == "Celulares" and ad.price]
    assert all(not ad.dollars and 65_000 <= ad.price <= 1_500_000 for ad in phones)
    assert not [ad for ad in ads if ad.right_path[0] == "Servicios" and ad.price]
    # Round, as people name them.
    assert all(len(f"{ad.price:f}".rstrip("0")) <= 2 for ad in phones)
    assert make_price(Prices(5, 9, dollars=True), random.Random(3)) in range(4, 11)


def test_what_is_mislabelled_is_near_the_right_place(ads):
    wrong = [ad for ad in ads if ad.path != ad.right_path]
    assert 0.6 * MISLABELLED < len(wrong) / len(ads) < 1.3 * MISLABELLED
    near = [ad for ad in wrong if ad.path[:1] == ad.right_path[:1]]
    assert len(near) > 0.85 * len(wrong)


def test_most_sellers_have_a_handful_and_a_few_are_businesses(ads):
    names = choose_sellers([ad.path for ad in ads], ["vendedora"], random.Random(1))
    assert names == choose_sellers([ad.path for ad in ads], ["vendedora"], random.Random(1))
    count = Counter(names)
    assert 1 <= count["vendedora"] <= MOST_OF_A_PERSON
    many = {name for name, ads_of in count.items() if ads_of > MOST_OF_A_PERSON}
    assert 10 < len(many) < 40 < 500 < len(count)
    kinds = {name: {ad.path[0] for ad, seller in zip(ads, names, strict=True) if seller == name} for name in many}
    assert all(len(kind) == 1 for kind in kinds.values())


def test_every_thing_that_is_sold_has_a_drawing(branches):
    known = {step for branch in branches for step in branch.path}
    named = [category for thing in read_things() for category in thing.categories]
    assert set(named) <= known
    assert len(named) == len(set(named))
    for branch in branches:
        if branch.titles and branch.path[0] != "Servicios" and branch.path[:2] != ("Vehículos", "Autos y camionetas"):
            assert thing_of(branch.path), branch.path
    assert thing_of(("Servicios", "Empleo", "Pedidos")) is None
    sofa = thing_of(("Artículos", "Hogar y muebles", "Living y comedor", "Sillones y sofás"))
    assert (
        draw_thing(sofa, random.Random(1)) == draw_thing(sofa, random.Random(1)) != draw_thing(sofa, random.Random(2))
    )


@pytest.mark.django_db
def test_what_people_type_brings_up_what_they_mean(capsys):
    call_command("create_demo", "--ads", "3000", "--cars", "0")
    call_command("retrain_classifiers")
    for title, path in {
        "iphone 13": ("Celulares y teléfonos", "Celulares"),
        "repuestos": ("Vehículos", "Repuestos y accesorios"),
        "repuestos para Gol Trend": ("Vehículos", "Repuestos y accesorios"),
        "gol trend 2014": ("Autos y camionetas", "Volkswagen"),
        "funda iphone 13": ("Celulares y teléfonos", "Accesorios de celulares"),
        "vendo bici rodado 29": ("Bicicletas", "Mountain bike"),
    }.items():
        best = suggest_categories(title).suggestions[0]
        assert best.path_text.endswith(" › ".join(path)), (title, best.path_text)
    assert not suggest_categories("asdf qwer zxcv").suggestions
    titles = Ad.objects.values_list("title", flat=True)
    assert len(set(titles)) > 2000


def test_pictures_of_nothing_are_all_different_and_show_no_car(tmp_path):
    call_command("draw_textures", str(tmp_path / "textures"), "--count", "12")
    records = list(read_photo_set(tmp_path / "textures" / "labels.csv", tmp_path / "textures"))
    assert len(records) == 12
    assert not any(record.is_car for record in records)
    hashes = [difference_hash(read_photo(record.path)) for record in records]
    assert not list(near_duplicates(hashes))
    assert draw_texture(3) == (tmp_path / "textures" / "texture-3.jpg").read_bytes()


def test_no_two_pictures_of_cars_are_near_duplicates():
    """Or nearly all of them would be kept together when photos are split, and nothing be left to test on."""
    rng = random.Random(5)
    rows = [("Volkswagen", "Gol", "Hatchback", 1991, 2023), ("Renault", "Kangoo", "Van", 1998, 2025)]
    pictures = [Image.open(io.BytesIO(draw_car(car, rng))) for car in make_cars(rows, 60, rng)]
    assert not list(near_duplicates([difference_hash(picture) for picture in pictures]))
