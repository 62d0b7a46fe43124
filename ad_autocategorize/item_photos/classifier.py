"""From embeddings to the probabilities of all category paths, by a linear classifier. NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PhotoClassifier:
    """A calibrated linear classifier over category paths: its numbers are divided by the temperature already.

    Attributes
    ----------
    categories : the category paths, sorted.
    coefficients : float32, shape (categories, width of the embeddings).
    intercepts : float32, shape (categories,).
    """

    categories: tuple[Path, ...]
    coefficients: NDArray[np.float32]
    intercepts: NDArray[np.float32]

    def log_probabilities(self, embeddings: NDArray[np.floating]) -> FloatArray:
        """Return the log-probabilities of the categories for each photo by itself, shape (photos, categories)."""
        scores = embeddings.astype(np.float32) @ self.coefficients.T + self.intercepts
        return log_softmax(scores.astype(np.float64))

    def of_ads(self, embeddings: NDArray[np.floating], ads: NDArray[np.intp]) -> FloatArray:
        """Return the log-probabilities for each ad, from all of its photos, shape (ads, categories); see ``join_photos``.

        ``ads`` is the number of each photo's ad, ascending from 0 without a gap.
        """
        each = self.log_probabilities(embeddings)
        starts = np.flatnonzero(np.diff(ads, prepend=-1))
        return np.stack([join_photos(part) for part in np.split(each, starts[1:])]) if len(starts) else each


def join_photos(each: FloatArray) -> FloatArray:
    """Return the log-probabilities for one ad, shape (categories,), from those of its photos, shape (photos, categories).

    The median of each category is taken, so that a screenshot among the photos does not spoil the result.
    """
    if len(each) == 1:
        return np.asarray(each[0])
    return np.asarray(log_softmax(np.median(each, axis=0)[None])[0])


def log_softmax(scores: FloatArray) -> FloatArray:
    """Return the logarithms of the softmax along the last axis."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
