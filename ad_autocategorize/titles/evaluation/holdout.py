"""The short hold-out test that every training ends with; ``protocol`` holds the long one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.statistics.reliability import expected_calibration_error
from ad_autocategorize.titles.evaluation.filed_twice import (
    is_any_filed_twice,
    number_ads,
    one_of_each,
    paths_of_ads,
)
from ad_autocategorize.titles.evaluation.metrics import LevelScores, score_levels, share_among_three
from ad_autocategorize.titles.evaluation.predictions import predict
from ad_autocategorize.titles.evaluation.sizes import FEW_ADS, list_thin
from ad_autocategorize.titles.evaluation.splits import split_by_group
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.examples import tokenize
from ad_autocategorize.titles.training.splitting import split_by_category
from ad_autocategorize.titles.training.training import Progress, TrainingError, train

TEST_SHARE = 0.33


@dataclass(frozen=True, slots=True)
class LevelReport:
    """Scores at one level of the tree (1 = main categories), over the ads filed at least that deep, within 0 to 1."""

    level: int
    accuracy: float
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

    ``settings`` are those trained with, as plain values. Of the ``categories`` where ads are filed ``thin_categories`` have fewer
    than ``few_ads`` of all ads.
    """

    levels: list[LevelReport]
    path_accuracy: float
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


def hold_out(
    titles: Sequence[str],
    paths: Sequence[Path],
    settings: TitleSettings,
    *,
    ads: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
    test_share: float = TEST_SHARE,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Evaluation:
    """Train on part of every category and test on the rest, where all ads count the same.

    ``ads`` says which ad each title is of, where ads are filed at several categories: such an ad is on one side with all of
    them, it is tested once, and an answer that names one of them is right.

    Raises ``TrainingError`` where nothing is left to test on.
    """
    _, kept = tokenize(titles, settings)
    titles, paths = [titles[i] for i in kept], [paths[i] for i in kept]
    weights = weights and [weights[i] for i in kept]
    ads = range(len(paths)) if ads is None else [ads[i] for i in kept]
    test, rest = _split(paths, ads, test_share, seed)
    if not len(test):
        raise TrainingError(f"{len(titles)} ads are too few to hold any out; no category has more than a few.")
    scorer = train(
        [titles[i] for i in rest],
        [paths[i] for i in rest],
        settings,
        weights=weights and [weights[i] for i in rest],
        seed=seed,
        jobs=jobs,
        progress=progress,
    )
    filed = paths_of_ads(paths, ads)
    evaluation = evaluate(scorer, [titles[i] for i in test], [filed[i] for i in test], train_size=len(rest))
    return replace(evaluation, categories=len(set(paths)), thin_categories=len(list_thin(paths, [])))


def _split(
    paths: Sequence[Path], ads: Sequence[Hashable], share: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if not is_any_filed_twice(ads):
        return split_by_category(paths, share, seed)
    split = split_by_group(paths, number_ads(ads), seed, share)
    return one_of_each(split.test, ads), split.train


def evaluate(
    scorer: TitleScorer, titles: Sequence[str], filed: Sequence[Sequence[Path]], *, train_size: int
) -> Evaluation:
    """Compare a scorer's answers with the paths that each title's ad is filed at, one or several."""
    predictions = predict(scorer, titles, filed)
    return Evaluation(
        levels=[_level(scores) for scores in score_levels(predictions)],
        path_accuracy=float(predictions.correct.mean()),
        top3_accuracy=share_among_three(predictions),
        expected_calibration_error=expected_calibration_error(predictions.confidence[:, 0], predictions.correct),
        train_size=train_size,
        test_size=len(titles),
        settings=scorer.settings.to_dict(),
    )


def _level(scores: LevelScores) -> LevelReport:
    macro, weighted = scores.macro, scores.weighted
    return LevelReport(
        scores.level,
        scores.accuracy,
        precision_macro=macro.precision,
        recall_macro=macro.recall,
        f1_macro=macro.f1,
        precision_weighted=weighted.precision,
        recall_weighted=weighted.recall,
        f1_weighted=weighted.f1,
        support=scores.support,
    )
