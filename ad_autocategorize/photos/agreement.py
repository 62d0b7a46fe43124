"""Whether several photos of one ad show one car. NumPy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.vocabularies import IntArray

# Of photos that show one car, so many pairs may seem to contradict each other.
FALSE_CONFLICTS = 0.02
# Where validation has no cars to tell it from: so much likelier to show different cars.
DEFAULT_LIMIT = 0.1
# More pairs than this tell nothing new.
_MOST_PAIRS = 20_000


def same_car_ratios(pairs: NDArray[np.floating], places: IntArray) -> NDArray[np.floating]:
    """Return how much likelier two photos are to show one model than two, float[k].

    The ratio of Bayes: of photos that say p and q of each model, the sum of p q over what any two photos have in common by
    chance, 1 / models. A photo that says nothing, such as one of the boot, has a ratio of 1 to any other.

    Parameters
    ----------
    pairs : log-probabilities of the brand-model pairs, float[photos, models].
    places : int64[k, 2], which photos to compare.
    """
    shares = np.exp(pairs)
    models = max(1, int((shares > 0).any(axis=0).sum()))
    ratios: NDArray[np.floating] = models * (shares[places[:, 0]] * shares[places[:, 1]]).sum(axis=1)
    return ratios


def photos_disagree(pairs: NDArray[np.floating], limit: float) -> bool:
    """Return whether most pairs of the photos contradict each other; a single odd one among many is overruled."""
    places = np.column_stack(np.triu_indices(len(pairs), 1))
    if not len(places):
        return False
    return bool((same_car_ratios(pairs, places) < limit).mean() > 0.5)


def fit_agreement(pairs: NDArray[np.floating], models: IntArray) -> float:
    """Return the ratio below which two photos contradict each other, from photos float[n, models] with their labels int64[n]."""
    order = np.argsort(models, kind="stable")
    order = order[models[order] >= 0]
    same = [
        np.column_stack([order[:-step], order[step:]])[models[order[:-step]] == models[order[step:]]]
        for step in range(1, min(len(order), 12))
    ]
    places = np.concatenate(same)[:_MOST_PAIRS] if same else np.zeros((0, 2), dtype=np.int64)
    if len(places) < 1 / FALSE_CONFLICTS:
        return DEFAULT_LIMIT
    # Photos that do not contradict each other must not count as if they did.
    return float(min(1.0, np.quantile(same_car_ratios(pairs, places), FALSE_CONFLICTS)))
