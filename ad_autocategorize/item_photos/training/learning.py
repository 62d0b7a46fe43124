"""Training of the photo classifier and of the fusion with titles. All choices are made on ads not learned from."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.item_photos.classifier import PhotoClassifier
from ad_autocategorize.item_photos.fusion import Fusion
from ad_autocategorize.item_photos.training.fitting import (
    CANDIDATES,
    Shrinkage,
    calibrate,
    fit_classifier,
    fit_fusion,
    fit_temperature,
)
from ad_autocategorize.item_photos.training.sums import AdPhotos, ClassSums, FloatArray, add_up
from ad_autocategorize.titles.features import Unlisted
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.label_errors.out_of_fold import assign_folds
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import Progress, train

FOLDS = 4
# Title models are trained for as many folds as it takes to score so many ads with photos out of fold. Of each fold at most
# ``MOST_ADS`` ads are scored, and at most ``MOST_CELLS`` scores kept.
WANTED_ADS = 2_000
MOST_ADS = 5_000
MOST_CELLS = 2**24
# With fewer ads to fit the fusion to, chance would choose.
FEWEST_ADS = 100


@dataclass(frozen=True, slots=True)
class Ads:
    """Ads to learn from: titles, paths and weights of equal length, and the photos of those that have any.

    Of ``unlisted`` words of titles the n-grams are learned and nothing else.
    """

    titles: Sequence[str]
    paths: Sequence[Path]
    photos: AdPhotos
    weights: NDArray[np.float64] | None = None
    unlisted: Unlisted | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def part(self, chosen: NDArray[np.intp]) -> Ads:
        """Return the ads at ascending positions."""
        rows = chosen.tolist()
        return Ads(
            [self.titles[row] for row in rows],
            [self.paths[row] for row in rows],
            self.photos.of(chosen),
            None if self.weights is None else self.weights[chosen],
            self.unlisted,
        )

    def train(self, settings: TitleSettings, *, seed: int, progress: Progress | None = None) -> TitleScorer:
        """Train a title model on them. Raises ``TrainingError``."""
        weights = None if self.weights is None else self.weights.tolist()
        return train(
            self.titles,
            self.paths,
            settings,
            weights=weights,
            unlisted=self.unlisted,
            seed=seed,
            progress=progress,
        ).scorer


@dataclass(frozen=True, slots=True)
class TitleScores:
    """Ads with photos, and their probabilities by title models that were trained without them.

    Attributes
    ----------
    ads : shape (scored,): the positions of the ads, ascending within a fold.
    fold : shape (scored,): the fold of each.
    title : shape (scored, categories): the probabilities by title.
    """

    ads: NDArray[np.intp]
    fold: NDArray[np.intp]
    title: FloatArray


@dataclass(frozen=True, slots=True)
class Learned:
    """The calibrated classifier, and the fusion.

    ``shrinkage``, ``temperature`` and the fusion were chosen by so many ads as ``asked`` says.
    """

    classifier: PhotoClassifier
    fusion: Fusion
    shrinkage: Shrinkage
    temperature: float
    asked: int


def score_titles_out_of_fold(
    ads: Ads,
    categories: tuple[Path, ...],
    settings: TitleSettings,
    groups: Sequence[Hashable | None] | None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[TitleScores, NDArray[np.intp]]:
    """Score ads with photos by title models that were trained without them; return the scores, and the fold of every ad.

    Ads of one group, near-identical titles, share a fold. ``progress`` is called with ("folds", done, all).
    """
    fold_of = assign_folds(ads.paths, FOLDS, seed, groups)
    shown = np.zeros(len(ads), dtype=bool)
    shown[ads.photos.with_photos()] = True
    rounds = min(FOLDS, -(-WANTED_ADS * FOLDS // max(1, int(shown.sum()))))
    most = max(1, min(MOST_ADS, MOST_CELLS // len(categories)))
    column = {path: number for number, path in enumerate(categories)}
    parts = []
    for fold in range(rounds):
        rest, aside = np.flatnonzero(fold_of != fold), np.flatnonzero((fold_of == fold) & shown)
        if len(aside) > most:
            aside = np.sort(np.random.default_rng(seed).choice(aside, most, replace=False))
        scorer = ads.part(rest).train(settings, seed=seed)
        known = [column[path] for path in scorer.tree.categories]
        title = np.zeros((len(aside), len(categories)))
        title[:, known] = scorer.probabilities([ads.titles[row] for row in aside.tolist()])
        parts.append(TitleScores(aside, np.full(len(aside), fold), title))
        if progress is not None:
            progress("folds", fold + 1, rounds)
    columns = ([getattr(part, name) for part in parts] for name in ("ads", "fold", "title"))
    return TitleScores(*map(np.concatenate, columns)), fold_of


def learn_photos(
    ads: Ads,
    categories: tuple[Path, ...],
    titles: TitleScores,
    fold_of: NDArray[np.intp],
    candidates: Sequence[Shrinkage] = CANDIDATES,
) -> Learned | None:
    """Fit classifier and fusion; ``None`` if there are fewer than ``FEWEST_ADS`` out-of-fold scores.

    The shrinkage is the one of ``candidates`` whose fusion has the least loss on the scored ads. ``fold_of`` is the fold of
    every ad.
    """
    labels = _labels(ads, categories)
    if len(titles.ads) < FEWEST_ADS:
        return None
    folds = np.unique(titles.fold).tolist()
    sums = {fold: add_up(_inside(ads.photos, fold_of == fold), labels, len(categories), ads.weights) for fold in folds}
    others = _inside(ads.photos, ~np.isin(fold_of, folds))
    total = add_up(others, labels, len(categories), ads.weights)
    for part in sums.values():
        total = total + part
    targets = labels[titles.ads]
    others_of = {fold: total - sums[fold] for fold in folds}
    tried = []
    for shrinkage in candidates:
        scores = _scores(ads, categories, titles, others_of, shrinkage)
        tried.append((fit_fusion(titles.title, scores.log_probabilities, targets), shrinkage, scores))
    found, shrinkage, scores = min(tried, key=lambda each: each[0].loss)
    classifier = fit_classifier(total, categories, shrinkage)
    calibrated = calibrate(classifier, scores.temperature)
    return Learned(calibrated, found.fusion, shrinkage, scores.temperature, len(titles.ads))


def refit(ads: Ads, categories: tuple[Path, ...], learned: Learned) -> PhotoClassifier:
    """Return a classifier trained on all ads, with the shrinkage and temperature that were chosen on most of them.

    The paths of the ads are among the ``categories``.
    """
    labels = _labels(ads, categories)
    sums = add_up(ads.photos, labels, len(categories), ads.weights)
    return calibrate(fit_classifier(sums, categories, learned.shrinkage), learned.temperature)


@dataclass(frozen=True, slots=True)
class _Scores:
    """Calibrated log-probabilities by photo, out of fold, shape (scored, categories), and the temperature used."""

    log_probabilities: FloatArray
    temperature: float


def _scores(
    ads: Ads, categories: tuple[Path, ...], titles: TitleScores, sums: dict[int, ClassSums], shrinkage: Shrinkage
) -> _Scores:
    """Return the scores by photo of the ads that were scored by title; ``sums`` are those of the photos outside each fold."""
    targets = _labels(ads, categories)[titles.ads]
    scores = np.empty((len(titles.ads), len(categories)))
    fitted = {fold: fit_classifier(part, categories, shrinkage) for fold, part in sums.items()}
    for fold, classifier in fitted.items():
        here = titles.fold == fold
        photos = ads.photos.of(titles.ads[here])
        scores[here] = classifier.of_ads(photos.vectors, photos.ads)
    temperature = fit_temperature(scores, targets)
    # Scored again with the temperature: the median over an ad's photos is taken of calibrated scores.
    for fold, classifier in fitted.items():
        here = titles.fold == fold
        photos = ads.photos.of(titles.ads[here])
        scores[here] = calibrate(classifier, temperature).of_ads(photos.vectors, photos.ads)
    return _Scores(scores, temperature)


def _labels(ads: Ads, categories: Sequence[Path]) -> NDArray[np.intp]:
    column = {path: number for number, path in enumerate(categories)}
    return np.array([column[path] for path in ads.paths], dtype=np.intp)


def _inside(photos: AdPhotos, chosen: NDArray[np.bool_]) -> AdPhotos:
    """Return the photos of the chosen ads, which keep their positions."""
    rows = np.flatnonzero(chosen[photos.ads])
    return AdPhotos(photos.vectors[rows], photos.ads[rows])
