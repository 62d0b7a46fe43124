"""Photos that are not where they are said to be, or nowhere on this machine."""

import io
import os

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.core.management import CommandError, call_command
from PIL import Image

from ad_autocategorize.cars.labelled_photos import ad_photo_records
from ad_autocategorize.photos.training.images import UnreadablePhoto, read_photo
from ad_autocategorize.sources import get_source
from marketplace.models import Ad, AdPhoto
from taxonomy.models import Brand

pytestmark = pytest.mark.django_db


class Elsewhere(Storage):
    """As of an object store: its files have no path on this machine."""

    def __init__(self):
        self.files = {}

    def _open(self, name, mode="rb"):
        return ContentFile(self.files[name], name=name)

    def _save(self, name, content):
        self.files[name] = content.read()
        return name

    def exists(self, name):
        return name in self.files


def picture():
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize("named", ["../secret.jpg", "{outside}", "link.jpg"])
def test_labels_name_no_file_outside_of_their_folder(tmp_path, named):
    folder, secret = tmp_path / "set", tmp_path / "secret.jpg"
    folder.mkdir()
    secret.write_bytes(picture())
    (folder / "link.jpg").symlink_to(secret)
    (folder / "labels.csv").write_text(f"file,brand,model\n{named.format(outside=secret)},Fiat,Uno\n")
    with pytest.raises(CommandError, match="outside of the folder"):
        call_command("import_car_photos", str(folder))


def test_a_pipe_is_not_waited_for(tmp_path):
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    with pytest.raises(UnreadablePhoto, match="no plain file"):
        read_photo(pipe)
    (tmp_path / "labels.csv").write_text("file,brand,model\npipe.jpg,Fiat,Uno\n")
    with pytest.raises(CommandError, match="no plain file"):
        call_command("import_car_photos", str(tmp_path))


def test_training_reads_through_a_storage_that_is_no_folder(marketplace_tree, monkeypatch):
    monkeypatch.setattr(AdPhoto._meta.get_field("image"), "storage", Elsewhere())
    ad = Ad.objects.first()
    ad.brand = Brand.objects.create(name="Fiat")
    ad.save()
    AdPhoto.objects.create(ad=ad, image=ContentFile(picture(), name="car.jpg"))
    (record,) = ad_photo_records(get_source())
    assert read_photo(record.path).size == (64, 48)
