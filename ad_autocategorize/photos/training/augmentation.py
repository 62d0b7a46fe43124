"""Variations of the training photos that leave every label true: of a whole batch at once, where the batch lies."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import v2

from ad_autocategorize.photos.settings import Augmentation

# The least part of each side that a crop keeps.
_LEAST_SIDE = {"mild": 0.75, "strong": 0.6}
# Height and width of a crop differ by at most this factor, and its square root is the usual.
_LARGEST_STRETCH = 1.15
# The share of the strongly varied batches that is mixed, half of them in patches and half all over.
MIXED = 0.5
# Colors keep their hue, or the color head would learn from wrong labels.
_jitter = v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3)


def vary(photos: Tensor, height: int, width: int, augmentation: Augmentation) -> Tensor:
    """Return float32[n, 3, height, width] of values from 0 to 1 for uint8[n, 3, any, any]: crops, half of them mirrored."""
    values = photos.float() / 255
    if augmentation == "none":
        return F.interpolate(values, (height, width), mode="bilinear", antialias=True)
    least = _LEAST_SIDE[augmentation]
    side = least + (1 - least) * torch.rand(len(photos), device=photos.device)
    stretched = (side * _LARGEST_STRETCH ** (2 * torch.rand_like(side) - 1)).clamp(least, 1)
    mirrored = 1 - 2 * torch.randint_like(side, 2)
    # Rows of a map from the crop's coordinates to the photo's, both from -1 to 1.
    transform = torch.zeros(len(photos), 2, 3, device=photos.device)
    transform[:, 0, 0] = stretched * mirrored
    transform[:, 1, 1] = side
    transform[:, 0, 2] = (2 * torch.rand_like(side) - 1) * (1 - stretched)
    transform[:, 1, 2] = (2 * torch.rand_like(side) - 1) * (1 - side)
    grid = F.affine_grid(transform, [len(photos), 3, height, width], align_corners=False)
    varied = F.grid_sample(values, grid, padding_mode="border", align_corners=False)
    return _jitter(varied) if augmentation == "strong" else varied


def mix(photos: Tensor) -> tuple[Tensor, float]:
    """Blend each photo with the one before it in the batch: a patch (cutmix) or all over (mixup), one as likely as the other.

    Returns the mixed photos and the share of the first; the partners are ``roll(1)``. Labels are not touched, since labels
    that are missing cannot be blended: the loss takes both instead.
    """
    numbers = torch.arange(len(photos), device=photos.device)
    # torchvision blends one label a photo: its place tells the share.
    kind = v2.CutMix if torch.rand(()) < 0.5 else v2.MixUp
    options = {"alpha": 1.0 if kind is v2.CutMix else 0.2, "num_classes": len(photos)}
    mixed, shares = kind(**options)(photos, numbers)
    return mixed, float(shares[0, 0])
