"""What an evaluation found, in full; ``Report.to_dict`` is what is written as JSON and what the HTML report is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from ad_autocategorize.statistics.intervals import Interval
from ad_autocategorize.statistics.reliability import Reliability
from ad_autocategorize.titles.evaluation.baselines import CrossValidation, FlatChoice
from ad_autocategorize.titles.evaluation.comparison import Comparison
from ad_autocategorize.titles.evaluation.confusion import ConfusedPair, ConfusionMatrix
from ad_autocategorize.titles.evaluation.coverage import Coverage
from ad_autocategorize.titles.evaluation.label_noise import NoiseCeiling
from ad_autocategorize.titles.evaluation.metrics import LevelScores, Outcomes
from ad_autocategorize.titles.evaluation.nodes import NodeReport
from ad_autocategorize.titles.evaluation.sizes import SizeScores, ThinCategory
from ad_autocategorize.titles.hierarchy import Path

# Raised when a key changes its meaning or goes. 2: ``flat.cascade_against_flat`` is the cascade without flat scores. 3: the
# ``counts`` of a confusion matrix hold no answers that stopped above its level; ``copies`` and ``accuracy_seen`` may be null. 4:
# ``settings`` are those that training has chosen; near-identical titles are those of nearly the same words.
REPORT_VERSION = 5


@dataclass(frozen=True, slots=True)
class DataSummary:
    """The ads that the evaluation is made on.

    ``depths`` counts ads by the level at which they are filed; ``dropped`` those left out, by reason; untested categories
    have too few ads for one to be set aside. ``largest_share`` is how often one would be right by always answering the
    largest category, ``largest_main_share`` the largest main category; ``unread_dates`` are written in a way that could not be
    read, so that their ads are in no temporal validation. ``thin`` are the categories of fewer ads than
    ``few_ads``, or of none.
    """

    ads: int
    categories: int
    main_categories: int
    depths: dict[int, int]
    dropped: dict[str, int]
    untested_categories: int
    untested_ads: int
    largest_share: float
    largest_main_share: float
    dated: int
    first_date: str | None
    last_date: str | None
    unread_dates: int
    few_ads: int
    thin: list[ThinCategory]


@dataclass(frozen=True, slots=True)
class LevelSummary:
    """One level in short; see ``metrics.LevelScores`` for what ``accuracy`` and ``accuracy_given_parent`` mean."""

    level: int
    support: int
    accuracy: float
    interval: Interval
    accuracy_given_parent: float
    macro_f1: float
    macro_f1_interval: Interval


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """One split in short.

    ``top3`` is the share of ads whose category is among the first three answers, or as many as there are categories;
    ``unseen`` test ads are of categories without a training ad, ``accuracy_seen`` leaves them out (``None``: all are).
    """

    train: int
    test: int
    accuracy: float
    interval: Interval
    top3: float
    expected_calibration_error: float
    unseen: int
    accuracy_seen: float | None
    levels: list[LevelSummary]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The stratified hold-out in detail."""

    summary: SplitSummary
    levels: list[LevelScores]
    top: dict[int, float]
    outcomes: Outcomes
    confusion: list[ConfusionMatrix]
    pairs: list[ConfusedPair]
    reliability: list[Reliability]
    coverage: list[Coverage]
    sizes: list[SizeScores]


@dataclass(frozen=True, slots=True)
class CopiesReport:
    """The hold-out with near-identical titles scattered over both sides, and with them kept on one side.

    ``leaked`` is the share of the scattered test ads linked to a near-copy in training, ``accuracy_leaked`` and
    ``accuracy_others`` how often those and the others are right. ``accuracy_twinned_apart`` is over the ads that have a
    near-copy when the copies are kept together, and ``agreement_twinned_apart`` how often their copies were filed alike: the
    best possible accuracy on them lies between it and its square root (see ``label_noise``).
    """

    random: SplitSummary
    apart: SplitSummary
    leaked: float
    accuracy_leaked: float | None
    accuracy_others: float | None
    accuracy_twinned_apart: float | None
    agreement_twinned_apart: float | None


@dataclass(frozen=True, slots=True)
class LaterReport:
    """Trained on ads before ``cutoff``, tested on those from then on.

    ``coverage`` says, for the levels that the hold-out has as well, what the thresholds chosen there give on the later ads.
    """

    cutoff: str
    summary: SplitSummary
    coverage: list[Coverage]


@dataclass(frozen=True, slots=True)
class FlatReport:
    """Step by step against all at once, on the same features and split; all ``None`` where the preset leaves it out as too slow.

    Attributes
    ----------
    accuracy, levels, choice : of one flat LinearSVC.
    cascade_accuracy, cascade_levels : of the cascade alone. The classifier in service adds flat scores to the cascade's unless
        the settings give them no weight.
    cascade_against_flat, served_against_flat : of the cascade alone and of the classifier in service with that LinearSVC.
    """

    accuracy: float | None = None
    levels: list[float] | None = None
    choice: FlatChoice | None = None
    cascade_accuracy: float | None = None
    cascade_levels: list[float] | None = None
    cascade_against_flat: Comparison | None = None
    served_against_flat: Comparison | None = None


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """Accuracy of the whole path and of the main category after training on ``ads``.

    ``gain`` bounds the difference from the point before, on the same test ads; ``None`` for the first.
    """

    ads: int
    accuracy: float
    interval: Interval
    main_accuracy: float
    gain: Interval | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything. Shares and errors lie within 0 to 1."""

    preset: str
    seed: int
    settings: dict[str, Any]
    data: DataSummary
    nodes: NodeReport
    hold_out: HeldOut
    copies: CopiesReport | None
    noise: NoiseCeiling
    later: LaterReport | None
    classifiers: CrossValidation | None
    flat: FlatReport
    learning_curve: list[LearningPoint]
    seconds: float

    def to_dict(self, text: Callable[[Path], str]) -> dict[str, Any]:
        """Return plain values that JSON takes; ``text`` writes a category path as people read it."""
        plain: dict[str, Any] = _plain(self, text)
        return {"report_version": REPORT_VERSION, **plain}


def _plain(value: Any, text: Callable[[Path], str]) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name), text) for field in fields(value)}
    if isinstance(value, tuple) and all(isinstance(item, int) for item in value):
        # The reports hold no other tuples of numbers than category paths.
        return text(value)
    if isinstance(value, list | tuple):
        return [_plain(item, text) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item, text) for key, item in value.items()}
    return value
