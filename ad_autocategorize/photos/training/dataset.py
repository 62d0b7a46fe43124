"""Packed photos with their labels, in batches."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ad_autocategorize.photos.training.images import PackedPhotos, PhotoRecord
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, IntArray, Vocabularies

Batch = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """Photos and their labels.

    Attributes
    ----------
    pixels : uint8[photos, height, width, 3], usually mapped from disk.
    labels : int64[n, heads + 1], the last column 1 for cars, 0 for others.
    color_weights : float32[n], how much each color label counts: less than 1 where a model guessed it.
    groups : int64[n], equal for the photos of one ad, which are answered together.
    places : int64[n], where each photo is in ``pixels``.
    """

    pixels: NDArray[np.uint8]
    labels: IntArray
    color_weights: NDArray[np.float32]
    groups: IntArray
    places: IntArray

    @classmethod
    def of(cls, packed: PackedPhotos, vocabularies: Vocabularies) -> PhotoSet:
        """Encode the labels of packed photos."""
        labels = vocabularies.encode([record.labels for record in packed.records])
        cars = np.array([record.is_car for record in packed.records], dtype=np.int64)
        weights = np.array([record.color_weight for record in packed.records], dtype=np.float32)
        groups = number_groups(packed.records)
        return cls(packed.pixels, np.column_stack([labels, cars]), weights, groups, np.arange(len(labels)))

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def seen_labels(self) -> IntArray:
        """The labels that people gave, int64[n, heads]: colors that a model guessed are ``MISSING``."""
        labels = self.labels[:, : len(HEADS)].copy()
        labels[self.color_weights < 1, HEADS.index("color")] = MISSING
        return labels

    def subset(self, chosen: NDArray[np.bool_]) -> PhotoSet:
        """Return the photos of a mask, bool[n]; their pixels are not copied."""
        return PhotoSet(
            self.pixels, self.labels[chosen], self.color_weights[chosen], self.groups[chosen], self.places[chosen]
        )

    def read(self, chosen: IntArray | slice) -> NDArray[np.uint8]:
        """Read photos into memory, uint8[n, height, width, 3]; ``chosen`` are their numbers in this set."""
        return np.array(self.pixels[self.places[chosen]])

    def batches(self, size: int, order: IntArray | None = None, device: str = "cpu") -> Iterator[Batch]:
        """Yield batches on the device: photos uint8[n, 3, height, width], labels and color weights.

        ``order`` says which photos, and in what order; by default all.
        """
        numbers = np.arange(len(self)) if order is None else order
        for start in range(0, len(numbers), size):
            chosen = numbers[start : start + size]
            pixels = torch.from_numpy(self.read(chosen)).to(device).permute(0, 3, 1, 2)
            labels = torch.from_numpy(self.labels[chosen]).to(device)
            yield pixels, labels, torch.from_numpy(self.color_weights[chosen]).to(device)


def number_groups(records: Sequence[PhotoRecord]) -> IntArray:
    """Return a number for each photo, int64[n], equal for those of one group; a photo without a group has its own."""
    numbers: dict[Hashable, int] = {}
    keys = [("alone", place) if record.group is None else record.group for place, record in enumerate(records)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
