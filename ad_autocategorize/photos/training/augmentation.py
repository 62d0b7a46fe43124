"""Variations of the training photos that leave every label true."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms import v2

from ad_autocategorize.photos.preprocessing import MEAN, STD

Transform = Callable[[Tensor], Tensor]


def training_transform(height: int, width: int, *, augment: bool, recolor: float = 0.0) -> Transform:
    """Return a transform from uint8[3, any, any] to float32[3, height, width].

    Colors keep their hue, or the color head would learn from wrong labels. ``recolor`` is the chance of another one, for photos
    whose color nobody labelled: a car is sold in every color, and few photos of each do not show that.
    """
    steps: list[Transform] = [v2.Resize((height, width), antialias=True)]
    if augment:
        steps = [
            v2.RandomResizedCrop((height, width), scale=(0.5, 1.0), ratio=(0.8, 1.25), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.RandomAffine(8, shear=6)], p=0.3),
            v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3),
        ]
        if recolor:
            steps.append(v2.RandomApply([v2.RandomChoice([v2.Grayscale(3), v2.RandomChannelPermutation()])], p=recolor))
    steps += [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    if augment:
        steps.append(v2.RandomErasing(0.2, scale=(0.02, 0.15)))
    composed: Transform = v2.Compose(steps)
    return composed


def mix(photos: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
    """Blend each photo with another of the batch: a patch (cutmix) or all over (mixup), one as likely as the other.

    Returns the mixed photos, the partner of each as int64[n], and the share of the first. Labels are not touched, since
    labels that are missing cannot be blended: the loss takes both instead.
    """
    partners = torch.randperm(len(photos), generator=generator)
    share = float(torch.rand((), generator=generator))
    mixed = photos[partners]
    if torch.rand((), generator=generator) < 0.5:
        # A draw from Beta(0.2, 0.2) in essence: most of the weight is near one of the two.
        share = 1 - share**4 / 2
        return photos * share + mixed * (1 - share), partners, share
    height, width = photos.shape[-2:]
    side = (1 - share) ** 0.5
    cut_height, cut_width = int(height * side), int(width * side)
    top = int(torch.randint(height - cut_height + 1, (), generator=generator))
    left = int(torch.randint(width - cut_width + 1, (), generator=generator))
    patched = photos.clone()
    patched[..., top : top + cut_height, left : left + cut_width] = mixed[
        ..., top : top + cut_height, left : left + cut_width
    ]
    return patched, partners, 1 - cut_height * cut_width / (height * width)
