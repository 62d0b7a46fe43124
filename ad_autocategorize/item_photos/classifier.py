"""From embeddings to the probabilities of all category paths: one matrix, NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PhotoClassifier:
    """A linear classifier over category paths, calibrated: its scores are divided by the temperature already.

    Attributes
    ----------
    categories : the paths that it tells apart, sorted.
    coefficients : float32, shape (categories, width of the embeddings).
    intercepts : float32, shape (categories,).
    """

    categories: tuple[Path, ...]
    coefficients: NDArray[np.float32]
    intercepts: NDArray[np.float32]

    def log_probabilities(self, embeddings: NDArray[np.floating]) -> FloatArray:
        """Return what each photo says by itself, shape (photos, categories)."""
        scores = embeddings.astype(np.float32) @ self.coefficients.T + self.intercepts
        return log_softmax(scores.astype(np.float64))

    def of_ads(self, embeddings: NDArray[np.floating], ads: NDArray[np.intp]) -> FloatArray:
        """Return what the photos of each ad say together, shape (ads, categories).

        ``ads`` holds the number of each photo's ad, ascending from 0 without a gap. See ``join_photos``.
        """
        each = self.log_probabilities(embeddings)
        starts = np.flatnonzero(np.diff(ads, prepend=-1))
        return np.stack([join_photos(part) for part in np.split(each, starts[1:])]) if len(starts) else each


def join_photos(each: FloatArray) -> FloatArray:
    """Join what several photos of one ad say, log-probabilities of shape (photos, categories), into shape (categories,).

    The median of each category, so that one screenshot among the photos does not spoil the others' answer.
    """
    if len(each) == 1:
        return np.asarray(each[0])
    return np.asarray(log_softmax(np.median(each, axis=0)[None])[0])


def log_softmax(scores: FloatArray) -> FloatArray:
    """Return the logarithms of the softmax along the last axis."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
