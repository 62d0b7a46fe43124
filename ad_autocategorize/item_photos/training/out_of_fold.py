"""Out-of-fold probabilities by title and photos, for the search for mislabelled ads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.item_photos.fusion import Fusion
from ad_autocategorize.item_photos.training.fitting import Shrinkage, calibrate, fit_classifier
from ad_autocategorize.item_photos.training.sums import AdPhotos, add_up
from ad_autocategorize.titles.label_errors.out_of_fold import FoldScores

BATCH = 1024


@dataclass(frozen=True, slots=True)
class FusedScores:
    """The out-of-fold probabilities of n ads by title and photos.

    Attributes
    ----------
    probabilities : float32, shape (n, categories): by title and photos together; by title alone for an ad without a photo.
    best : shape (n,): the most probable category by photos alone, -1 for an ad without a photo.
    best_probability : float32, shape (n,): its probability by photos alone, 0 for an ad without a photo.
    """

    probabilities: NDArray[np.float32]
    best: NDArray[np.intp]
    best_probability: NDArray[np.float32]


def score_with_photos(
    scores: FoldScores,
    photos: AdPhotos,
    fusion: Fusion,
    shrinkage: Shrinkage,
    temperature: float,
    weights: NDArray[np.float64] | None = None,
) -> FusedScores:
    """Return the probabilities of ads by title and photos, out of fold.

    Parameters
    ----------
    scores : the out-of-fold scores of the titles. The photos of each fold are scored by a classifier of the other folds' photos.
    photos : of the same ads.
    fusion, shrinkage, temperature : those of the model in service.
    weights : shape (ads,): how much each ad counts in training; ``None`` if all count the same.
    """
    fused = FusedScores(
        scores.probabilities.copy(),
        np.full(len(scores.given), -1, dtype=np.intp),
        np.zeros(len(scores.given), dtype=np.float32),
    )
    size = len(scores.categories)
    shown = np.zeros(len(scores.given), dtype=bool)
    shown[photos.with_photos()] = True
    for fold in np.unique(scores.fold_of[shown]).tolist():
        others = np.flatnonzero(scores.fold_of[photos.ads] != fold)
        if not len(others):
            continue
        learned = AdPhotos(photos.vectors[others], photos.ads[others])
        sums = add_up(learned, scores.given, size, weights)
        classifier = calibrate(fit_classifier(sums, scores.categories, shrinkage), temperature)
        inside = np.flatnonzero(shown & (scores.fold_of == fold))
        for start in range(0, len(inside), BATCH):
            rows = inside[start : start + BATCH]
            own = photos.of(rows)
            said = classifier.of_ads(own.vectors, own.ads)
            fused.probabilities[rows] = fusion.combine(scores.probabilities[rows].astype(np.float64), said)
            alone = fusion.photos_alone(said)
            fused.best[rows], fused.best_probability[rows] = alone.argmax(axis=1), alone.max(axis=1)
    return fused
