import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ad_autocategorize.cars.form_catalog import form_catalog
from ad_autocategorize.sources import get_source
from taxonomy.car_catalog import upsert_cars
from taxonomy.models import BodyType, Brand, CarModel
from taxonomy.readers.cars import read_cars

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def catalog():
    return form_catalog(get_source())


def test_the_catalog_is_read_once_and_again_after_every_change():
    upsert_cars(read_cars("brand,model\nFord,Ka\n"))
    assert catalog().pairs == [("Ford", "Ka")]
    with CaptureQueriesContext(connection) as queries:
        catalog()
    assert not any("carmodel" in query["sql"] for query in queries)
    ford = Brand.objects.get()
    ford.name = "Ford Motor"
    ford.save()
    assert catalog().pairs == [("Ford Motor", "Ka")]
    new = CarModel.objects.create(brand=ford, name="Fiesta")
    assert catalog().option("car_model", ("Ford Motor", "Fiesta"), 1.0).value == str(new.pk)
    read = catalog()
    new.body_types.add(BodyType.objects.create(name="Hatchback"))
    assert catalog() is not read
    new.delete()
    assert catalog().pairs == [("Ford Motor", "Ka")]
