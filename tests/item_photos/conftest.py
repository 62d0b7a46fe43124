import numpy as np
import pytest

from tests.item_photos.ads import make_ads
from tests.item_photos.site import retrain
from tests.item_photos.toys import tiny_backbone


@pytest.fixture
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def site(media, model_dir):
    """A site with a trained model that uses photos; the category tree, and what the training printed."""
    tree = make_ads()
    tiny_backbone(model_dir)
    printed = retrain()
    return tree, printed


@pytest.fixture
def rng():
    return np.random.default_rng(99)
