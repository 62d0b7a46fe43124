"""The hold-out test that is part of every training; ``protocol`` is the whole evaluation."""

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
from ad_autocategorize.titles.features import Unlisted
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
# An incremental training tests on at most so many ads: otherwise the test would take longer than the training.
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

    Attributes
    ----------
    path_low, path_high : the 95 % confidence interval of ``path_accuracy``.
    settings : those trained with, as JSON's types.
    categories : how many categories have ads; ``thin_categories`` of them have fewer than ``few_ads``.
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
    """A hold-out test with its answers.

    Attributes
    ----------
    tested : the model that answered.
    learned : int[m], the positions of the titles that it learned from.
    places : int[n], the positions of the titles that it was tested on.
    truth : the path that each of these is filed at; of several paths the nearest to the answer.
    answers : the path answered for each.
    confidence : float[n], the probability of each answer.
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
    unlisted: Unlisted | None = None,
    test_share: float = TEST_SHARE,
    keys: NDArray[np.uint64] | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> HeldOutAnswers:
    """Train on part of every category, and test on the rest.

    Parameters
    ----------
    titles, paths, settings, seed, jobs, progress : as ``train`` takes them.
    weights : how much each title counts in training; in the test all count the same.
    test_share : the share of titles that is tested on.
    keys : uint64[n], decide which titles are tested on (see ``split_by_key``). Titles with equal keys are of one ad that is filed
        at several categories: either all of them are learned from or none, the ad is tested once, and an answer is right if it is
        any of the categories. By default chance decides, and each title is an ad.

    Raises
    ------
    TrainingError : the ads cannot be learned from, or are too few to test on any.
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
        unlisted=unlisted,
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
    """Train a model anew where ads have changed since it learned from ``before``, and test it as ``hold_out`` does.

    ``tested`` is the model of the last hold-out test. Ads are split by ``keys``, uint64[n], as there. Of a larger hold-out
    ``MOST_TESTED`` ads are tested on, nearly the same ones each time. Raises ``TrainingError`` if there are none to test on.
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
    """Test a model on the ads at positions ``test``; it has learned from those at ``rest``."""
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
    """Return the positions of the examples to test on and to learn from. No ad is in both, and each is tested once at most."""
    aside, rest = split_by_key(paths, keys, share, seed)
    if not is_any_filed_twice(keys.tolist()):
        return aside, rest
    # The split may part the examples of an ad. Then all of them are learned from.
    is_learned = np.isin(keys, keys[rest])
    return one_of_each(np.flatnonzero(~is_learned), keys.tolist()), np.flatnonzero(is_learned)


def evaluate(
    scorer: TitleScorer, titles: Sequence[str], filed: Sequence[Sequence[Path]], *, train_size: int
) -> Evaluation:
    """Compare a scorer's answers with ``filed``: the path or paths that each title's ad is filed at."""
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
