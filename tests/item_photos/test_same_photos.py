"""Which ads show nearly the same photo and are filed elsewhere."""

import numpy as np
import pytest

from ad_autocategorize.item_photos.training import same_photos
from ad_autocategorize.item_photos.training.same_photos import find_same_photos
from ad_autocategorize.item_photos.training.sums import AdPhotos

WIDTH = 32


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def alike(vector, rng, noise=0.02):
    return vector + noise * rng.standard_normal(WIDTH)


@pytest.fixture
def ads(rng):
    """Ads 0, 1 and 2 show one photo, 3 another; 1 has a second photo. 0 and 2 are filed together, 4 is ad 0 once more."""
    one, other = rng.standard_normal((2, WIDTH))
    vectors = [one, alike(one, rng), rng.standard_normal(WIDTH), alike(one, rng), other, one]
    photos = AdPhotos(np.array(vectors, np.float16), np.array([0, 1, 1, 2, 3, 4]))
    return photos, np.array([0, 1, 2, 3, 0]), np.array([7, 8, 7, 9, 8])


def test_the_same_photo_elsewhere_is_found_however_the_work_is_parted(ads, monkeypatch):
    # Neither those that are filed alike, nor the ad itself, nor one with another photo.
    expected = {0: [1], 1: [0, 2], 2: [1, 4], 4: [2]}
    wanted = np.arange(5)
    assert {row: sorted(found) for row, found in find_same_photos(ads[0], wanted, *ads[1:]).items()} == expected
    monkeypatch.setattr(same_photos, "_WANTED", 2)
    monkeypatch.setattr(same_photos, "_OTHERS", 1)
    assert {row: sorted(found) for row, found in find_same_photos(ads[0], wanted, *ads[1:]).items()} == expected
    assert find_same_photos(ads[0], np.array([1, 3]), *ads[1:]).keys() == {1}
    assert find_same_photos(ads[0], np.array([], dtype=np.intp), *ads[1:]) == {}


def test_the_most_alike_come_first_and_a_photo_that_is_everywhere_fills_no_memory(rng, monkeypatch):
    monkeypatch.setattr(same_photos, "_OTHERS", 16)
    one = rng.standard_normal(WIDTH)
    noise = np.linspace(0.2, 0.01, 200)
    vectors = np.array([one, *(alike(one, rng, each) for each in noise)], np.float16)
    filed = np.arange(201)
    [found] = find_same_photos(AdPhotos(vectors, filed), np.array([0]), filed, filed, limit=5).values()
    directions = vectors.astype(np.float32) / np.linalg.norm(vectors.astype(np.float32), axis=1, keepdims=True)
    cosines = directions[1:] @ directions[0]
    assert found == (1 + np.argsort(-cosines)[:5]).tolist()
