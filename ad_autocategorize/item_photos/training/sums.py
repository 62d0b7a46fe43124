"""Sums of embeddings by category: all that the classifier learns from. Their size does not grow with the number of photos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float64]

CHUNK = 2048


@dataclass(frozen=True, slots=True)
class AdPhotos:
    """Embeddings of photos, and whose they are.

    Attributes
    ----------
    vectors : float16, shape (photos, width); may be mapped from disk.
    ads : shape (photos,): the position of each photo's ad, in ascending order. Ads may have several photos, or none.
    """

    vectors: NDArray[np.float16]
    ads: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.ads)

    def with_photos(self) -> NDArray[np.intp]:
        """Return the positions of the ads that have a photo, ascending."""
        return np.unique(self.ads)

    def of(self, ads: NDArray[np.intp]) -> AdPhotos:
        """Return the photos of the ads at ascending positions; an ad's new position is its place among these."""
        places = np.searchsorted(ads, self.ads)
        inside = places < len(ads)
        inside[inside] = ads[places[inside]] == self.ads[inside]
        return AdPhotos(self.vectors[inside], places[inside])


@dataclass(frozen=True, slots=True)
class ClassSums:
    """Sums over photos.

    Attributes
    ----------
    weights : shape (categories,): the summed weights of each category's photos. All photos of an ad together weigh what the ad
    does.
    sums : shape (categories, width): the summed weighted embeddings.
    scatter : shape (width, width): the summed weighted outer products of each embedding with itself.
    """

    weights: FloatArray
    sums: FloatArray
    scatter: FloatArray

    def __add__(self, other: ClassSums) -> ClassSums:
        return ClassSums(self.weights + other.weights, self.sums + other.sums, self.scatter + other.scatter)

    def __sub__(self, other: ClassSums) -> ClassSums:
        return ClassSums(self.weights - other.weights, self.sums - other.sums, self.scatter - other.scatter)


def add_up(photos: AdPhotos, labels: NDArray[np.intp], categories: int, ad_weights: FloatArray | None) -> ClassSums:
    """Return the sums of all photos.

    Parameters
    ----------
    labels : shape (ads,): the category of each ad.
    ad_weights : shape (ads,): how much each ad counts; all the same for ``None``.
    """
    width = photos.vectors.shape[1]
    total = ClassSums(np.zeros(categories), np.zeros((categories, width)), np.zeros((width, width)))
    shares = 1 / np.maximum(np.bincount(photos.ads, minlength=len(labels)), 1)
    weights = (shares if ad_weights is None else shares * ad_weights)[photos.ads]
    for rows in _chunks(len(photos)):
        vectors = np.asarray(photos.vectors[rows], dtype=np.float32)
        weight, label = weights[rows], labels[photos.ads[rows]]
        members = sparse.csr_array((weight, (label, np.arange(len(label)))), (categories, len(label)))
        weighted = vectors * weight[:, None].astype(np.float32)
        part = ClassSums(
            np.asarray(np.bincount(label, weight, minlength=categories), dtype=np.float64),
            np.asarray(members @ vectors, dtype=np.float64),
            np.asarray(vectors.T @ weighted, dtype=np.float64),
        )
        total = total + part
    return total


def _chunks(photos: int) -> Iterator[slice]:
    return (slice(start, min(start + CHUNK, photos)) for start in range(0, photos, CHUNK))
