"""Augmentation of training photos that keeps every label true; for a whole batch at once, on the batch's device."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import v2

from ad_autocategorize.photos.settings import Augmentation

# The least part of each side that a crop keeps.
_LEAST_SIDE = {"mild": 0.75, "strong": 0.6}
# The proportions of a crop differ from the photo's by a random factor of up to this, or of one over it.
_LARGEST_STRETCH = 1.15
# With strong augmentation, the share of batches in which photos are blended (see ``mix``).
MIXED = 0.5
# The hue is kept: otherwise the color labels would be wrong.
_jitter = v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3)


def vary(photos: Tensor, height: int, width: int, augmentation: Augmentation) -> Tensor:
    """Return random crops of photos, half of them mirrored.

    ``photos`` are uint8[n, 3, any, any]; the crops float32[n, 3, height, width] of values from 0 to 1.
    """
    values = photos.float() / 255
    if augmentation == "none":
        return F.interpolate(values, (height, width), mode="bilinear", antialias=True)
    least = _LEAST_SIDE[augmentation]
    side = least + (1 - least) * torch.rand(len(photos), device=photos.device)
    stretched = (side * _LARGEST_STRETCH ** (2 * torch.rand_like(side) - 1)).clamp(least, 1)
    mirrored = 1 - 2 * torch.randint_like(side, 2)
    # Affine maps from the coordinates of the crop to those of the photo, both from -1 to 1.
    transform = torch.zeros(len(photos), 2, 3, device=photos.device)
    transform[:, 0, 0] = stretched * mirrored
    transform[:, 1, 1] = side
    transform[:, 0, 2] = (2 * torch.rand_like(side) - 1) * (1 - stretched)
    transform[:, 1, 2] = (2 * torch.rand_like(side) - 1) * (1 - side)
    grid = F.affine_grid(transform, [len(photos), 3, height, width], align_corners=False)
    varied = F.grid_sample(values, grid, padding_mode="border", align_corners=False)
    return _jitter(varied) if augmentation == "strong" else varied


def mix(photos: Tensor) -> tuple[Tensor, float]:
    """Blend each photo with the one before it in the batch, by cutmix or by mixup with equal chances.

    Returns the blended photos and the share that each photo's own pixels have in it; those of its partner, ``photos.roll(1)``,
    have the rest. Labels are not blended, since some are missing: the loss is the weighted mean for both labels instead.
    """
    numbers = torch.arange(len(photos), device=photos.device)
    # torchvision does not return the share, but blends one-hot labels by it. With each photo as a class of its own, the first
    # cell of the labels is the share.
    kind = v2.CutMix if torch.rand(()) < 0.5 else v2.MixUp
    options = {"alpha": 1.0 if kind is v2.CutMix else 0.2, "num_classes": len(photos)}
    mixed, shares = kind(**options)(photos, numbers)
    return mixed, float(shares[0, 0])
