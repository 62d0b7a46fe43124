"""From the brand and model branches to brand-model pairs of the table: three decodings, none of which can leave it."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.vocabularies import BoolArray

Decoding = Literal["predicted_brand", "joint", "weighted"]
DECODINGS: tuple[Decoding, ...] = ("predicted_brand", "joint", "weighted")
WEIGHTS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)

FloatArray = NDArray[np.floating]


class NothingLearned(ValueError):
    """The table holds none of the brand-model pairs that were learned."""


def log_softmax(scores: FloatArray) -> FloatArray:
    """Return the logarithms of the softmax over the last axis."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    result: FloatArray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def pair_scores(
    brand: FloatArray, model: FloatArray, compatible: BoolArray, decoding: Decoding, weight: float = 1.0
) -> FloatArray:
    """Return log-probabilities of the pairs, float[n, models]; minus infinity outside the table bool[brands, models].

    Parameters
    ----------
    brand, model : logits float[n, brands] and float[n, models].
    decoding : "predicted_brand" keeps the models of the most probable brand alone; "joint" is P(brand) P(model | brand);
        "weighted" is proportional to P(brand) P(model)^weight.

    Raises ``NothingLearned`` where the table has no pair at all.
    """
    listed = compatible.any(axis=0)
    if not listed.any():
        raise NothingLearned("The brand-model table holds none of the models that were learned.")
    # A brand whose last model left the table cannot come out either.
    log_brand = log_softmax(np.where(compatible.any(axis=1), brand, -np.inf))
    brand_of = compatible.argmax(axis=0)
    masked = np.where(listed, model, -np.inf)
    if decoding == "weighted":
        scores = log_brand[:, brand_of] + weight * log_softmax(masked)
    else:
        # Minus infinity less itself, for models outside the table, is masked below.
        with np.errstate(invalid="ignore"):
            scores = masked - _log_sum_by_brand(masked, compatible)[:, brand_of]
        if decoding == "joint":
            scores = scores + log_brand[:, brand_of]
        else:
            scores = np.where(brand_of == log_brand.argmax(axis=1)[:, None], scores, -np.inf)
    return log_softmax(np.where(listed, scores, -np.inf))


def brand_probabilities(pairs: FloatArray, compatible: BoolArray) -> FloatArray:
    """Return the probability of each brand, float[n, brands], as the sum over its pairs."""
    return np.exp(pairs) @ compatible.T.astype(pairs.dtype)


def _log_sum_by_brand(scores: FloatArray, compatible: BoolArray) -> FloatArray:
    """Return the logarithm of the summed exponentials of each brand's models, float[n, brands]."""
    highest = np.where(compatible, scores[:, None, :], -np.inf).max(axis=2)
    safe = np.where(np.isfinite(highest), highest, 0.0)
    spread = np.where(compatible, scores[:, None, :] - safe[:, :, None], -np.inf)
    with np.errstate(divide="ignore"):
        result: FloatArray = safe + np.log(np.exp(spread).sum(axis=2))
    return result
