"""The short hold-out test that every training ends with; ``protocol`` holds the long one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ad_autocategorize.statistics.reliability import expected_calibration_error
from ad_autocategorize.titles.evaluation.metrics import encode
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.splitting import split_by_category
from ad_autocategorize.titles.training.training import Progress, TrainingError, tokenize, train

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
    """The result of a hold-out test; shares and errors within 0 to 1."""

    levels: list[LevelReport]
    path_accuracy: float
    top3_accuracy: float
    expected_calibration_error: float
    train_size: int
    test_size: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON takes."""
        return asdict(self)


def hold_out(
    titles: Sequence[str],
    paths: Sequence[Path],
    settings: TitleSettings,
    *,
    weights: Sequence[float] | None = None,
    test_share: float = TEST_SHARE,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Evaluation:
    """Train on part of every category and test on the rest, where all ads count the same.

    Raises ``TrainingError`` where nothing is left to test on.
    """
    _, kept = tokenize(titles, settings)
    titles, paths = [titles[i] for i in kept], [paths[i] for i in kept]
    weights = weights and [weights[i] for i in kept]
    test, rest = split_by_category(paths, test_share, seed)
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
    return evaluate(scorer, [titles[i] for i in test], [paths[i] for i in test], train_size=len(rest))


def evaluate(scorer: TitleScorer, titles: Sequence[str], paths: Sequence[Path], *, train_size: int) -> Evaluation:
    """Compare a scorer's answers with the paths that titles are filed at."""
    categories = scorer.tree.categories
    ranked, probabilities = scorer.rank(titles)
    confidence = probabilities[:, 0]
    predicted = [categories[best] for best in ranked[:, 0]]
    correct = np.array([guess == path for guess, path in zip(predicted, paths, strict=True)])
    in_top3 = [any(categories[i] == path for i in row) for row, path in zip(ranked, paths, strict=True)]
    return Evaluation(
        levels=[_level(level, predicted, paths) for level in range(1, max(map(len, paths)) + 1)],
        path_accuracy=float(correct.mean()),
        top3_accuracy=float(np.mean(in_top3)),
        expected_calibration_error=expected_calibration_error(confidence, correct),
        train_size=train_size,
        test_size=len(titles),
    )


def _level(level: int, predicted: Sequence[Path], paths: Sequence[Path]) -> LevelReport:
    from sklearn.metrics import precision_recall_fscore_support

    # As the long evaluation has it: an ad filed above this level costs the precision of where a deeper answer goes.
    _, (y_true, y_pred) = encode([path[:level] for path in paths], [path[:level] for path in predicted])
    deep = np.array([len(path) >= level for path in paths])
    # Macro figures are over the categories that the test ads have; a wrong guess elsewhere costs recall where it belongs.
    labels = np.unique(y_true[deep])
    macro = precision_recall_fscore_support(y_true, y_pred, labels=labels, average="macro", zero_division=0)
    weighted = precision_recall_fscore_support(y_true, y_pred, labels=labels, average="weighted", zero_division=0)
    accuracy = float((y_true == y_pred)[deep].mean())
    return LevelReport(
        level,
        accuracy,
        precision_macro=float(macro[0]),
        recall_macro=float(macro[1]),
        f1_macro=float(macro[2]),
        precision_weighted=float(weighted[0]),
        recall_weighted=float(weighted[1]),
        f1_weighted=float(weighted[2]),
        support=int(deep.sum()),
    )
