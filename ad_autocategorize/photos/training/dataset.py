"""Packed photos as batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ad_autocategorize.photos.preprocessing import MEAN, STD
from ad_autocategorize.photos.training.augmentation import training_transform
from ad_autocategorize.photos.training.images import PackedPhotos
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, IntArray, Vocabularies


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """Photos and their labels.

    Attributes
    ----------
    pixels : uint8[photos, height, width, 3], usually mapped from disk.
    labels : int64[n, heads + 1], the last column 1 for cars, 0 for others.
    places : int64[n], where each photo is in ``pixels``; ``None`` for all in order.
    """

    pixels: NDArray[np.uint8]
    labels: IntArray
    places: IntArray | None = None

    @classmethod
    def of(cls, packed: PackedPhotos, vocabularies: Vocabularies) -> PhotoSet:
        """Encode the labels of packed photos."""
        labels = vocabularies.encode([record.labels for record in packed.records])
        cars = np.array([record.is_car for record in packed.records], dtype=np.int64)
        return cls(packed.pixels, np.column_stack([labels, cars]))

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, chosen: NDArray[np.bool_]) -> PhotoSet:
        """Return the chosen photos, which stay where they are."""
        places = np.arange(len(self)) if self.places is None else self.places
        return PhotoSet(self.pixels, self.labels[chosen], places[chosen])

    def read(self, chosen: IntArray | slice) -> NDArray[np.uint8]:
        """Return photos by their number, uint8[n, height, width, 3], in memory."""
        return np.array(self.pixels[chosen if self.places is None else self.places[chosen]])

    def training_batches(
        self, order: IntArray, size: int, height: int, width: int, *, augment: bool, recolor: float = 0.0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield photos float32[n, 3, height, width] with their labels in the given order; a last batch of one is left out.

        With ``augment`` photos are varied; ``recolor`` is the chance that those without a color label are in their colors too.
        """
        transform = training_transform(height, width, augment=augment)
        recoloring = training_transform(height, width, augment=augment, recolor=recolor)
        colored = self.labels[:, HEADS.index("color")] != MISSING
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            if len(chosen) < 2 <= len(order):
                return
            pixels = torch.from_numpy(self.read(chosen)).permute(0, 3, 1, 2)
            photos = [
                (transform if known else recoloring)(photo)
                for photo, known in zip(pixels, colored[chosen], strict=True)
            ]
            yield torch.stack(photos), torch.from_numpy(self.labels[chosen])

    def batches(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield normalized photos in their own size and order."""
        mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
        for start in range(0, len(self), size):
            pixels = torch.from_numpy(self.read(slice(start, start + size))).permute(0, 3, 1, 2)
            yield (pixels / 255 - mean) / std, torch.from_numpy(self.labels[start : start + size])
