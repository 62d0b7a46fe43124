"""Learning from titles and photos together: what is chosen is chosen on ads that neither side has learned from."""

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
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.label_errors.out_of_fold import assign_folds
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import Progress, train

FOLDS = 4
# As many folds are asked in turn as it takes to have so many ads; of each fold no more than these, and no more scores than those.
WANTED_ADS = 2_000
MOST_ADS = 5_000
MOST_CELLS = 2**24
# With fewer ads to fit the fusion to, chance would choose.
FEWEST_ADS = 100


@dataclass(frozen=True, slots=True)
class Ads:
    """Ads to learn from: titles, paths and weights of equal length, and the photos of those that have any."""

    titles: Sequence[str]
    paths: Sequence[Path]
    photos: AdPhotos
    weights: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def part(self, chosen: NDArray[np.intp]) -> Ads:
        """Return the ads at rising positions."""
        rows = chosen.tolist()
        return Ads(
            [self.titles[row] for row in rows],
            [self.paths[row] for row in rows],
            self.photos.of(chosen),
            None if self.weights is None else self.weights[chosen],
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What title models said of ads with photos, out of fold.

    Attributes
    ----------
    ads : their positions, rising within a fold.
    fold : the fold that each was in.
    title : shape (asked, categories): the probabilities by title.
    """

    ads: NDArray[np.intp]
    fold: NDArray[np.intp]
    title: FloatArray


@dataclass(frozen=True, slots=True)
class Learned:
    """The classifier, calibrated, and the fusion that suits it; ``asked`` ads chose shrinkage, temperature and fusion."""

    classifier: PhotoClassifier
    fusion: Fusion
    shrinkage: Shrinkage
    temperature: float
    asked: int


def ask_titles(
    ads: Ads,
    categories: tuple[Path, ...],
    settings: TitleSettings,
    groups: Sequence[Hashable | None] | None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Asked, NDArray[np.intp]]:
    """Ask ads with photos of title models that did not learn from them; return it with the fold of every ad.

    ``groups`` keep near-identical titles in one fold. ``progress`` is called with ("folds", done, all).
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
        learned = ads.part(rest)
        scorer = train(learned.titles, learned.paths, settings, weights=_listed(learned.weights), seed=seed).scorer
        known = [column[path] for path in scorer.tree.categories]
        said = np.zeros((len(aside), len(categories)))
        said[:, known] = scorer.probabilities([ads.titles[row] for row in aside.tolist()])
        parts.append(Asked(aside, np.full(len(aside), fold), said))
        if progress is not None:
            progress("folds", fold + 1, rounds)
    columns = ([getattr(part, name) for part in parts] for name in ("ads", "fold", "title"))
    return Asked(*map(np.concatenate, columns)), fold_of


def learn_photos(
    ads: Ads,
    categories: tuple[Path, ...],
    asked: Asked,
    fold_of: NDArray[np.intp],
    candidates: Sequence[Shrinkage] = CANDIDATES,
) -> Learned | None:
    """Fit classifier and fusion; ``None`` where fewer than ``FEWEST_ADS`` have been asked.

    The shrinkage is the one of ``candidates`` whose fusion has the least loss on the asked ads.
    """
    labels = _labels(ads, categories)
    if len(asked.ads) < FEWEST_ADS:
        return None
    folds = np.unique(asked.fold).tolist()
    sums = {fold: add_up(_inside(ads.photos, fold_of == fold), labels, len(categories), ads.weights) for fold in folds}
    others = _inside(ads.photos, ~np.isin(fold_of, folds))
    total = add_up(others, labels, len(categories), ads.weights)
    for part in sums.values():
        total = total + part
    targets = labels[asked.ads]
    others_of = {fold: total - sums[fold] for fold in folds}
    tried = []
    for shrinkage in candidates:
        scores = _scores(ads, categories, asked, others_of, shrinkage)
        tried.append((fit_fusion(asked.title, scores.log_probabilities, targets), shrinkage, scores))
    found, shrinkage, scores = min(tried, key=lambda each: each[0].loss)
    classifier = fit_classifier(total, categories, shrinkage)
    calibrated = calibrate(classifier, scores.temperature)
    return Learned(calibrated, found.fusion, shrinkage, scores.temperature, len(asked.ads))


def learn_again(ads: Ads, categories: tuple[Path, ...], learned: Learned) -> PhotoClassifier:
    """Return the classifier of all ads, calibrated as another of most of them was; their paths are among the categories."""
    labels = _labels(ads, categories)
    sums = add_up(ads.photos, labels, len(categories), ads.weights)
    return calibrate(fit_classifier(sums, categories, learned.shrinkage), learned.temperature)


@dataclass(frozen=True, slots=True)
class _Scores:
    """What photos say of the asked ads, calibrated, shape (asked, categories), and the temperature that does it."""

    log_probabilities: FloatArray
    temperature: float


def _scores(
    ads: Ads, categories: tuple[Path, ...], asked: Asked, sums: dict[int, ClassSums], shrinkage: Shrinkage
) -> _Scores:
    targets = _labels(ads, categories)[asked.ads]
    said = np.empty((len(asked.ads), len(categories)))
    fitted = {fold: fit_classifier(part, categories, shrinkage) for fold, part in sums.items()}
    for fold, classifier in fitted.items():
        here = asked.fold == fold
        photos = ads.photos.of(asked.ads[here])
        said[here] = classifier.of_ads(photos.vectors, photos.ads)
    temperature = fit_temperature(said, targets)
    # Once more, since the median of several photos is taken of calibrated answers.
    for fold, classifier in fitted.items():
        here = asked.fold == fold
        photos = ads.photos.of(asked.ads[here])
        said[here] = calibrate(classifier, temperature).of_ads(photos.vectors, photos.ads)
    return _Scores(said, temperature)


def _labels(ads: Ads, categories: Sequence[Path]) -> NDArray[np.intp]:
    column = {path: number for number, path in enumerate(categories)}
    return np.array([column[path] for path in ads.paths], dtype=np.intp)


def _inside(photos: AdPhotos, chosen: NDArray[np.bool_]) -> AdPhotos:
    """Return the photos of the ads that are chosen, each under its ad's position."""
    rows = np.flatnonzero(chosen[photos.ads])
    return AdPhotos(photos.vectors[rows], photos.ads[rows])


def _listed(weights: NDArray[np.float64] | None) -> list[float] | None:
    return None if weights is None else weights.tolist()
