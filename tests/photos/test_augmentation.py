import numpy as np

from ad_autocategorize.photos.preprocessing import MEAN, STD
from ad_autocategorize.photos.training.dataset import PhotoSet
from ad_autocategorize.photos.vocabularies import HEADS, MISSING

PHOTOS = 64


def share_of_red(color_label: int) -> np.ndarray:
    """Red photos as they reach the network: the share of each in its red channel."""
    pixels = np.full((PHOTOS, 24, 32, 3), (200, 20, 20), dtype=np.uint8)
    labels = np.zeros((PHOTOS, len(HEADS) + 1), dtype=np.int64)
    labels[:, HEADS.index("color")] = color_label
    ((photos, _),) = PhotoSet(pixels, labels).training_batches(
        np.arange(PHOTOS), PHOTOS, 24, 32, augment=True, recolor=0.4
    )
    shown = photos.numpy() * np.array(STD).reshape(3, 1, 1) + np.array(MEAN).reshape(3, 1, 1)
    # Erased patches and the corners of a rotated photo are less than half of it.
    middle = np.median(shown.reshape(PHOTOS, 3, -1), axis=2)
    return middle[:, 0] / middle.sum(axis=1)


def test_a_labelled_color_stays():
    assert share_of_red(0).min() > 0.5


def test_a_car_without_a_color_label_is_shown_in_other_colors_too():
    red = share_of_red(MISSING) > 0.5
    assert 0.4 < red.mean() < 0.95
