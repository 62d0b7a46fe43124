"""Whether several photos of one ad show one car. NumPy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.vocabularies import IntArray

# The limit is chosen so that this share of pairs of photos of one model seem to contradict each other.
FALSE_CONFLICTS = 0.02
# The limit if validation has too few cars to choose it by.
DEFAULT_LIMIT = 0.1
# The limit is chosen by at most so many pairs, each of photos that are at most so many places apart in the order of their models.
_MOST_PAIRS = 20_000
_FARTHEST = 11


def same_car_ratios(pairs: NDArray[np.floating], places: IntArray) -> NDArray[np.floating]:
    """Return how many times likelier it is that two photos show the same model than that they show any two, float[k].

    It is a likelihood ratio (Bayes factor). If two photos give the models the probabilities p and q, sum(p q) is the probability
    that they show the same one; by chance it would be 1 / models. A photo that tells no models apart, such as one of the boot,
    has a ratio of 1 to any other.

    Parameters
    ----------
    pairs : log-probabilities of the brand-model pairs, float[photos, models].
    places : int64[k, 2], the numbers of the two photos of each comparison.
    """
    shares = np.exp(pairs)
    models = max(1, int((shares > 0).any(axis=0).sum()))
    ratios: NDArray[np.floating] = models * (shares[places[:, 0]] * shares[places[:, 1]]).sum(axis=1)
    return ratios


def photos_disagree(pairs: NDArray[np.floating], limit: float) -> bool:
    """Return whether most pairs of photos have a ratio below ``limit``. One odd photo among many is not enough."""
    places = np.column_stack(np.triu_indices(len(pairs), 1))
    if not len(places):
        return False
    return bool((same_car_ratios(pairs, places) < limit).mean() > 0.5)


def fit_agreement(pairs: NDArray[np.floating], models: IntArray) -> float:
    """Return the ratio below which two photos contradict each other.

    Parameters
    ----------
    pairs : log-probabilities of the brand-model pairs, float[photos, models].
    models : the label of each photo, int64[photos], below 0 if unknown.
    """
    places = _photos_of_same_model(models)[:_MOST_PAIRS]
    if len(places) < 1 / FALSE_CONFLICTS:
        return DEFAULT_LIMIT
    # At most 1: photos that show the same model rather than not must never count as a contradiction.
    return float(min(1.0, np.quantile(same_car_ratios(pairs, places), FALSE_CONFLICTS)))


def _photos_of_same_model(models: IntArray) -> IntArray:
    """Return pairs of photos with the same label, int64[k, 2]: each photo and those up to ``_FARTHEST`` places behind it."""
    by_model = np.argsort(models, kind="stable")
    by_model = by_model[models[by_model] >= 0]
    found = [np.zeros((0, 2), dtype=np.int64)]
    for step in range(1, min(len(by_model), _FARTHEST + 1)):
        candidates = np.column_stack([by_model[:-step], by_model[step:]])
        found.append(candidates[models[candidates[:, 0]] == models[candidates[:, 1]]])
    return np.concatenate(found)
