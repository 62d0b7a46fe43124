"""Whether photos help: accuracy by title, by photo and by both, on ads that none of the models has learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.item_photos.training.learning import (
    MOST_ADS,
    MOST_CELLS,
    Ads,
    Learned,
    learn_photos,
    score_titles_out_of_fold,
)
from ad_autocategorize.item_photos.training.sums import FloatArray
from ad_autocategorize.statistics.reliability import expected_calibration_error
from ad_autocategorize.titles.evaluation.comparison import Comparison, compare
from ad_autocategorize.titles.evaluation.coverage import measure_coverage
from ad_autocategorize.titles.evaluation.splits import Split, split_by_group
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import Progress

TITLE, PHOTO, BOTH = "title", "photo", "both"
# A title counts as short if training knew at most so many of its words.
SHORT_TITLE = 2
# Photos are used if the p-value of their gain is below this.
SIGNIFICANT = 0.05
RESAMPLES = 500


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Ads with photos that were set aside, and their probabilities.

    Attributes
    ----------
    rows : shape (tested,): the positions of the test ads among all ads.
    categories : the paths that training knew.
    targets : shape (tested,): the position in ``categories`` of each ad's path, -1 if training did not know it.
    views : the probabilities by ``TITLE``, ``PHOTO`` and ``BOTH``, each of shape (tested, categories).
    groups : shape (tested,): equal for near-identical titles.
    known_words : shape (tested,): how many words of the title training knew.
    learned : the models of the photo side.
    comparison : the accuracy by both compared with that by the title alone, for whole paths.
    """

    split: Split
    rows: NDArray[np.intp]
    categories: tuple[Path, ...]
    targets: NDArray[np.intp]
    views: dict[str, FloatArray]
    groups: NDArray[np.intp]
    known_words: NDArray[np.intp]
    learned: Learned
    comparison: Comparison

    @property
    def short(self) -> NDArray[np.bool_]:
        """Which titles are short, shape (tested,)."""
        return self.known_words <= SHORT_TITLE

    @property
    def gains(self) -> bool:
        """Whether title and photos together are significantly more accurate than the title alone."""
        return self.comparison.difference > 0 and self.comparison.p_value < SIGNIFICANT


@dataclass(frozen=True, slots=True)
class ViewScores:
    """The accuracy of one view; shares and errors within 0 to 1.

    Attributes
    ----------
    levels : the accuracy down to level 1, 2, ..., each over the ads filed that deep.
    short : the accuracy over ads with short titles; ``None`` if there are none.
    coverage : by wanted precision, the share of ads that could be filed automatically (see ``titles.evaluation.coverage``).
    """

    accuracy: float
    levels: list[float]
    top3: float
    expected_calibration_error: float
    short: float | None
    coverage: dict[str, float]


def evaluate_photos(
    ads: Ads,
    settings: TitleSettings,
    groups: NDArray[np.intp],
    *,
    split: Split | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> HeldOut | None:
    """Learn from part of the ads, and test on others that have photos; ``None`` if these are too few.

    ``groups``, shape (ads,), are equal for near-identical titles, which are kept on one side of the split and in one fold.
    """
    split = split or split_by_group(ads.paths, groups, seed)
    known = ads.part(split.train)
    shown = np.intersect1d(split.test, ads.photos.with_photos())
    if not len(shown) or len(set(known.paths)) < 2:
        return None
    scorer = known.train(settings, seed=seed, progress=progress)
    categories = scorer.tree.categories
    folded = [("titles", number) for number in groups[split.train].tolist()]
    asked, fold_of = score_titles_out_of_fold(known, categories, scorer.settings, folded, seed=seed, progress=progress)
    learned = learn_photos(known, categories, asked, fold_of)
    if learned is None:
        return None
    most = max(1, min(MOST_ADS, MOST_CELLS // len(categories)))
    if len(shown) > most:
        shown = np.sort(np.random.default_rng(seed).choice(shown, most, replace=False))
    tested = ads.part(shown)
    targets = _positions(categories, tested.paths)
    views = predict_views(scorer, learned, tested)
    right = {name: probabilities.argmax(axis=1) == targets for name, probabilities in views.items()}
    return HeldOut(
        split,
        shown,
        categories,
        targets,
        views,
        groups[shown],
        _known_words(known.titles, tested.titles, settings),
        learned,
        compare(right[BOTH], right[TITLE], groups[shown], RESAMPLES, seed),
    )


def predict_views(scorer: TitleScorer, learned: Learned, ads: Ads) -> dict[str, FloatArray]:
    """Return the probabilities by title, photo and both for ads that all have photos, each of shape (ads, categories)."""
    by_title = scorer.probabilities(ads.titles)
    photos = learned.classifier.of_ads(ads.photos.vectors, ads.photos.ads)
    by_photo = learned.fusion.photos_alone(photos)
    says_something = np.array([bool(scorer.suggest(title, 1)) for title in ads.titles])
    both = np.where(says_something[:, None], learned.fusion.combine(by_title, photos), by_photo)
    return {TITLE: by_title, PHOTO: by_photo, BOTH: both}


def measure(held_out: HeldOut, view: str, seed: int = 0) -> ViewScores:
    """Return the scores of one of the views."""
    probabilities, categories, targets = held_out.views[view], held_out.categories, held_out.targets
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :3]
    right = order[:, 0] == targets
    guesses = [categories[best] for best in order[:, 0].tolist()]
    truth = [categories[target] for target in targets.tolist()]
    confidence = probabilities.max(axis=1)
    numbers = np.unique(held_out.groups, return_inverse=True)[1]
    automation = measure_coverage(0, confidence, right, numbers, seed).automation
    short = held_out.short
    return ViewScores(
        accuracy=float(right.mean()),
        levels=_levels(guesses, truth),
        top3=float((order == targets[:, None]).any(axis=1).mean()),
        expected_calibration_error=expected_calibration_error(confidence, right),
        short=float(right[short].mean()) if short.any() else None,
        coverage={f"{item.target:g}": item.coverage for item in automation},
    )


def summarize(held_out: HeldOut) -> dict[str, Any]:
    """Return the figures of all views in JSON's types, for a version's metrics and for reports."""
    return {
        "tested": len(held_out.targets),
        "short_titles": int(held_out.short.sum()),
        "views": {name: asdict(measure(held_out, name)) for name in held_out.views},
        "comparison": asdict(held_out.comparison),
        "gains": held_out.gains,
        "title_weight": held_out.learned.fusion.title_weight,
        "photo_weight": held_out.learned.fusion.photo_weight,
        "entropy_weight": held_out.learned.fusion.entropy_weight,
        "shrinkage": asdict(held_out.learned.shrinkage),
        "temperature": held_out.learned.temperature,
    }


def _levels(guesses: Sequence[Path], truth: Sequence[Path]) -> list[float]:
    shares = []
    for level in range(1, max(map(len, truth)) + 1):
        pairs = [(guess, path) for guess, path in zip(guesses, truth, strict=True) if len(path) >= level]
        shares.append(sum(guess[:level] == path[:level] for guess, path in pairs) / len(pairs))
    return shares


def _positions(categories: Sequence[Path], paths: Sequence[Path]) -> NDArray[np.intp]:
    """Return the position of each path among the categories, -1 if it is none of them."""
    column = {path: number for number, path in enumerate(categories)}
    return np.array([column.get(path, -1) for path in paths], dtype=np.intp)


def _known_words(learned: Sequence[str], asked: Sequence[str], settings: TitleSettings) -> NDArray[np.intp]:
    """Return how many words of each asked title are in any learned title, shape (asked,)."""
    normalize = Normalizer(settings)
    known = {word for title in learned for word in normalize(title)}
    return np.array([sum(word in known for word in normalize(title)) for title in asked], dtype=np.intp)
