import pytest
import torch

from ad_autocategorize.photos.training.augmentation import mix, vary

PHOTOS = 64


@pytest.mark.parametrize("augmentation", ["mild", "strong"])
def test_a_color_stays_what_it_is(augmentation):
    torch.manual_seed(0)
    red = torch.tensor([200, 20, 20], dtype=torch.uint8).view(1, 3, 1, 1).expand(PHOTOS, 3, 24, 32)
    shown = vary(red, 16, 24, augmentation)
    assert shown.shape == (PHOTOS, 3, 16, 24)
    assert 0 <= shown.min() <= shown.max() <= 1
    assert (shown[:, 0] / shown.sum(1)).min() > 0.5


def test_crops_keep_most_of_the_car_and_half_are_mirrored():
    torch.manual_seed(0)
    # The value of a point is its place from left to right.
    ramp = torch.linspace(0, 255, 256).to(torch.uint8).view(1, 1, 1, 256).expand(PHOTOS, 3, 32, 256)
    shown = vary(ramp, 32, 256, "mild")[:, 0, 16]
    mirrored = shown[:, 0] > shown[:, -1]
    assert 0.3 < mirrored.float().mean() < 0.7
    width = (shown[:, 0] - shown[:, -1]).abs()
    assert 0.7 < width.min() < 0.8
    assert width.max() > 0.95


def test_without_variation_the_photo_is_only_resized():
    photos = torch.randint(0, 256, (2, 3, 24, 32), dtype=torch.uint8)
    torch.testing.assert_close(vary(photos, 24, 32, "none"), photos.float() / 255)


def test_a_mixed_photo_holds_its_own_share_of_itself():
    torch.manual_seed(0)
    # Every photo is one value, so that the mean over a mixed one tells how much of each is in it.
    photos = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 3, 32, 32)
    partners = torch.arange(8.0).roll(1)
    kinds = set()
    for _ in range(40):
        mixed, share = mix(photos)
        expected = share * torch.arange(8.0) + (1 - share) * partners
        torch.testing.assert_close(mixed.mean((1, 2, 3)), expected, atol=0.02, rtol=0.02)
        kinds.add(len(mixed[3].unique()) > 1)
    # In patches, and all over.
    assert kinds == {True, False}
