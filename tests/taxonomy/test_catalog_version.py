import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ad_autocategorize.cars.catalog import catalog_rows
from taxonomy.car_catalog import upsert_cars
from taxonomy.models import BodyType, Brand, CarModel
from taxonomy.readers.cars import read_cars

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_the_catalog_is_read_once_and_again_after_every_change():
    upsert_cars(read_cars("brand,model\nFord,Ka\n"))
    assert catalog_rows().pairs == (("Ford", "Ka"),)
    with CaptureQueriesContext(connection) as queries:
        catalog_rows()
    assert ["carmodel" in query["sql"] for query in queries] == [False]
    ford = Brand.objects.get()
    ford.name = "Ford Motor"
    ford.save()
    assert catalog_rows().pairs == (("Ford Motor", "Ka"),)
    new = CarModel.objects.create(brand=ford, name="Fiesta")
    assert catalog_rows().keys["Ford Motor", "Fiesta"] == str(new.pk)
    read = catalog_rows()
    new.body_types.add(BodyType.objects.create(name="Hatchback"))
    assert catalog_rows() is not read
    new.delete()
    assert catalog_rows().pairs == (("Ford Motor", "Ka"),)
