import numpy as np
import pytest

from ad_autocategorize.photos.vocabularies import Vocabularies

try:
    import torch
except ModuleNotFoundError:
    torch = None


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    if torch is not None:
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def toy_records(tmp_path_factory):
    from tests.photos.toys import make_photos

    return make_photos(tmp_path_factory.mktemp("photos"), 240)


@pytest.fixture(scope="session")
def vocabularies(toy_records):
    return Vocabularies.of(record.labels for record in toy_records)


@pytest.fixture(scope="session")
def toys(toy_records, vocabularies, tmp_path_factory):
    """Training and validation photos of the toy world."""
    from ad_autocategorize.photos.training.dataset import PhotoSet
    from ad_autocategorize.photos.training.images import pack_photos

    photos = PhotoSet.of(pack_photos(toy_records, tmp_path_factory.mktemp("cache"), 24, 32), vocabularies)
    chosen = np.arange(len(photos)) >= 180
    return photos.subset(~chosen), photos.subset(chosen)


@pytest.fixture(params=["process", "here"])
def door(request, monkeypatch):
    """Decode uploads in the decoding process, and then in the test's own, as where no process can be started."""
    from ad_autocategorize.photos.uploads import process

    if request.param == "here":
        monkeypatch.setattr(process, "why_unavailable", lambda: "for a test")
        process.decoding_process.stop()
    yield request.param
    if request.param == "here":
        process.decoding_process.forget()
