"""The short hold-out test that every training ends with; ``protocol`` holds the long one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.statistics.intervals import wilson_interval
from ad_autocategorize.statistics.reliability import expected_calibration_error
from ad_autocategorize.titles.evaluation.filed_twice import is_any_filed_twice, one_of_each, paths_of_ads
from ad_autocategorize.titles.evaluation.metrics import LevelScores, score_levels, share_among_three
from ad_autocategorize.titles.evaluation.predictions import Predictions, predict
from ad_autocategorize.titles.evaluation.sizes import FEW_ADS, list_thin
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.changes import FiledTitles
from ad_autocategorize.titles.training.checkpoint import Trained
from ad_autocategorize.titles.training.examples import tokenize
from ad_autocategorize.titles.training.incremental import Ads, train_changed
from ad_autocategorize.titles.training.splitting import split_by_category, split_by_key
from ad_autocategorize.titles.training.training import Progress, TrainingError, train

TEST_SHARE = 0.33
# Where only a part is trained anew, asking about a hold-out of any size would take longer than that.
MOST_TESTED = 20_000


@dataclass(frozen=True, slots=True)
class LevelReport:
    """Scores at one level of the tree (1 = main categories), over the ads filed at least that deep, within 0 to 1.

    ``low`` and ``high`` are the ends of the accuracy's 95 % confidence interval.
    """

    level: int
    accuracy: float
    low: float
    high: float
    precision_macro: float
    recall_macro: float
    f1_macro: float
    precision_weighted: float
    recall_weighted: float
    f1_weighted: float
    support: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of a hold-out test; shares and errors within 0 to 1.

    ``settings`` are those trained with, as plain values. ``path_low`` and ``path_high`` are the ends of the 95 % confidence
    interval of ``path_accuracy``. Of the ``categories`` where ads are filed ``thin_categories`` have fewer than ``few_ads`` of
    all ads.
    """

    levels: list[LevelReport]
    path_accuracy: float
    path_low: float
    path_high: float
    top3_accuracy: float
    expected_calibration_error: float
    train_size: int
    test_size: int
    settings: dict[str, Any]
    categories: int = 0
    thin_categories: int = 0
    few_ads: int = FEW_ADS

    @property
    def chosen_settings(self) -> TitleSettings:
        """The settings that the training used, with what it chose on the ads."""
        return TitleSettings.from_dict(self.settings)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON takes."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class HeldOutAnswers:
    """A hold-out test with what was answered.

    ``places`` are the titles tested, int[n], among those given; ``answers`` the path answered for each, and ``truth`` where the
    ad is filed: of several categories the one that the answer comes nearest to. ``confidence``, float[n], is the probability of
    each answer. ``tested`` is the model that answered, which has learned from the titles ``learned``, int[m].
    """

    tested: Trained
    learned: NDArray[np.intp]
    evaluation: Evaluation
    places: NDArray[np.intp]
    truth: list[Path]
    answers: list[Path]
    confidence: NDArray[np.float64]


def hold_out(
    titles: Sequence[str],
    paths: Sequence[Path],
    settings: TitleSettings,
    *,
    weights: Sequence[float] | None = None,
    test_share: float = TEST_SHARE,
    keys: NDArray[np.uint64] | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> HeldOutAnswers:
    """Train on part of every category and test on the rest, where all ads count the same.

    With ``keys``, uint64[n], which ads are tested goes by them: see ``split_by_key``. Titles with one key are of one ad, filed at
    several categories: it is on one side with all of them and tested once, and an answer that names one of them is right.

    Raises ``TrainingError`` where nothing is left to test on.
    """
    kept = np.array(tokenize(titles, settings)[1], dtype=np.intp)
    titles, paths = [titles[i] for i in kept], [paths[i] for i in kept]
    weights = weights and [weights[i] for i in kept]
    test, rest = _split(paths, None if keys is None else keys[kept], test_share, seed)
    _require_tested(test, len(titles))
    tested = train(
        [titles[i] for i in rest],
        [paths[i] for i in rest],
        settings,
        weights=weights and [weights[i] for i in rest],
        seed=seed,
        jobs=jobs,
        progress=progress,
    )
    held = _ask(tested, titles, paths, None if keys is None else keys[kept], test, rest)
    return replace(held, places=kept[held.places], learned=kept[held.learned])


def hold_out_changed(
    tested: Trained,
    before: FiledTitles,
    ads: Ads,
    keys: NDArray[np.uint64],
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> HeldOutAnswers:
    """Train what has changed of a tested model since it learned from ``before``, and test it.

    The ads are parted as ``hold_out`` parts them, by their ``keys``. Of a large hold-out ``MOST_TESTED`` ads are asked about,
    nearly the same each time. Raises ``TrainingError`` where nothing is left to test on.
    """
    test, rest = split_ads(ads.paths, keys, TEST_SHARE, tested.checkpoint.seed)
    _require_tested(test, len(ads.titles))
    renewed = train_changed(tested, before, ads.part(rest), jobs=jobs, progress=progress).trained
    drawn = np.sort(test[np.argsort(keys[test], kind="stable")[:MOST_TESTED]])
    return _ask(renewed, ads.titles, ads.paths, keys, drawn, rest)


def _require_tested(test: NDArray[np.intp], ads: int) -> None:
    if not len(test):
        raise TrainingError(f"{ads} ads are too few to hold any out; no category has more than a few.")


def _ask(
    tested: Trained,
    titles: Sequence[str],
    paths: Sequence[Path],
    keys: NDArray[np.uint64] | None,
    test: NDArray[np.intp],
    rest: NDArray[np.intp],
) -> HeldOutAnswers:
    filed = paths_of_ads(paths, range(len(paths)) if keys is None else keys.tolist())
    predictions = predict(tested.scorer, [titles[i] for i in test], [filed[i] for i in test])
    evaluation = _scored(tested.scorer, predictions, train_size=len(rest))
    evaluation = replace(evaluation, categories=len(set(paths)), thin_categories=len(list_thin(paths, [])))
    confidence = predictions.confidence[:, 0]
    return HeldOutAnswers(tested, rest, evaluation, test, list(predictions.truth), predictions.guesses, confidence)


def _split(
    paths: Sequence[Path], keys: NDArray[np.uint64] | None, share: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return split_by_category(paths, share, seed) if keys is None else split_ads(paths, keys, share, seed)


def split_ads(
    paths: Sequence[Path], keys: NDArray[np.uint64], share: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions of the ads to test on, and of those to learn from; none is an ad of both."""
    aside, rest = split_by_key(paths, keys, share, seed)
    if not is_any_filed_twice(keys.tolist()):
        return aside, rest
    # An ad that has been learned from at one of its categories is not tested at another.
    is_learned = np.isin(keys, keys[rest])
    return one_of_each(np.flatnonzero(~is_learned), keys.tolist()), np.flatnonzero(is_learned)


def evaluate(
    scorer: TitleScorer, titles: Sequence[str], filed: Sequence[Sequence[Path]], *, train_size: int
) -> Evaluation:
    """Compare a scorer's answers with the paths that each title's ad is filed at, one or several."""
    return _scored(scorer, predict(scorer, titles, filed), train_size=train_size)


def _scored(scorer: TitleScorer, predictions: Predictions, *, train_size: int) -> Evaluation:
    right = int(predictions.correct.sum())
    interval = wilson_interval(right, len(predictions))
    return Evaluation(
        levels=[_level(scores) for scores in score_levels(predictions)],
        path_accuracy=float(predictions.correct.mean()),
        path_low=interval.low,
        path_high=interval.high,
        top3_accuracy=share_among_three(predictions),
        expected_calibration_error=expected_calibration_error(predictions.confidence[:, 0], predictions.correct),
        train_size=train_size,
        test_size=len(predictions),
        settings=scorer.settings.to_dict(),
    )


def _level(scores: LevelScores) -> LevelReport:
    macro, weighted = scores.macro, scores.weighted
    interval = wilson_interval(round(scores.accuracy * scores.support), scores.support)
    return LevelReport(
        scores.level,
        scores.accuracy,
        interval.low,
        interval.high,
        precision_macro=macro.precision,
        recall_macro=macro.recall,
        f1_macro=macro.f1,
        precision_weighted=weighted.precision,
        recall_weighted=weighted.recall,
        f1_weighted=weighted.f1,
        support=scores.support,
    )
