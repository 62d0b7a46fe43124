"""From the brand and model branches to brand-model pairs. Only pairs of the table are possible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.vocabularies import BoolArray

# The weights of the model branch, relative to the brand branch, of which one is chosen on validation photos.
WEIGHTS = (0.5, 1.0, 2.0)

FloatArray = NDArray[np.floating]


class NothingLearned(ValueError):
    """The table holds none of the brand-model pairs that were learned."""


def log_softmax(scores: FloatArray) -> FloatArray:
    """Return the logarithms of the softmax over the last axis."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    result: FloatArray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def pair_scores(brand: FloatArray, model: FloatArray, compatible: BoolArray, weight: float = 1.0) -> FloatArray:
    """Return log-probabilities of the pairs, float[n, models], proportional to P(brand) P(model)^weight.

    Parameters
    ----------
    brand, model : logits float[n, brands] and float[n, models].
    compatible : the table, bool[brands, models]; pairs outside it get minus infinity.

    Raises ``NothingLearned`` where the table has no pair at all.
    """
    listed = compatible.any(axis=0)
    if not listed.any():
        raise NothingLearned("The brand-model table holds none of the models that were learned.")
    # Brands without any model in the table are impossible too.
    log_brand = log_softmax(np.where(compatible.any(axis=1), brand, -np.inf))
    log_model = log_softmax(np.where(listed, model, -np.inf))
    scores = log_brand[:, compatible.argmax(axis=0)] + weight * log_model
    return log_softmax(np.where(listed, scores, -np.inf))


def brand_probabilities(pairs: FloatArray, compatible: BoolArray) -> FloatArray:
    """Return the probability of each brand, float[n, brands], as the sum over its pairs."""
    return np.exp(pairs) @ compatible.T.astype(pairs.dtype)
