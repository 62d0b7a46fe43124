"""What a really trained network's reading of an ad's photos passes on."""

import numpy as np
import pytest

from ad_autocategorize import registry
from ad_autocategorize.moderation.search.photo_reading import read_photos
from marketplace.models import Ad
from tests.moderation.conftest import attach_photo
from tests.photos.toys import MODELS, draw

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_an_answer_below_its_threshold_is_left_out(marketplace_tree, served_network, monkeypatch):
    ad = Ad.objects.first()
    attach_photo(ad, draw(MODELS[0], "red", 2000, np.random.default_rng(1)))
    sure = read_photos(ad).fields
    assert sure["color"][0] == "red"
    assert (sure["brand"][0], sure["car_model"][0]) == MODELS[0]
    thresholds = registry.active_predictor().manifest.rules.thresholds
    monkeypatch.setitem(thresholds, "color", 1.1)
    without = read_photos(ad).fields
    assert without == {name: said for name, said in sure.items() if name != "color"}
