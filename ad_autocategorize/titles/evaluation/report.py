"""The result of an evaluation. ``Report.to_dict`` is what is written as JSON, and what the HTML report is made of."""

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

# Raised when a key is removed or gets another meaning. 2: ``flat.cascade_against_flat`` is the cascade without flat scores. 3:
# the ``counts`` of a confusion matrix hold no answers that stopped above its level; ``copies`` and ``accuracy_seen`` may be
# null. 4: ``settings`` are those that training has chosen; near-identical titles are those of nearly the same words.
REPORT_VERSION = 5


@dataclass(frozen=True, slots=True)
class DataSummary:
    """The ads that the evaluation is made on.

    Attributes
    ----------
    depths : the number of ads by the level at which they are filed.
    dropped : the number of ads left out, by reason.
    untested_categories, untested_ads : categories without a test ad, since they have too few ads, and the ads in them.
    largest_share, largest_main_share : the accuracy of always answering the largest category, or the largest main category.
    dated : how many ads have a date; ``unread_dates`` counts dates that could not be read, whose ads are in no temporal
        validation.
    thin : the categories with fewer than ``few_ads`` ads, those without ads among them.
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

    Attributes
    ----------
    train, test : the numbers of ads.
    top3 : top-3 accuracy, or that of fewer answers if there are fewer categories.
    unseen : how many test ads are of categories without a training ad.
    accuracy_seen : the accuracy over the other test ads; ``None`` if there are none.
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
    """The split in which near-identical titles fall on both sides, and one that keeps them on one side.

    Attributes
    ----------
    random, apart : the two splits.
    leaked : in the random split, the share of test ads that are linked to a near-identical title in training.
    accuracy_leaked, accuracy_others : in the random split, the accuracy over those test ads and over the others.
    accuracy_twinned_apart : in the other split, the accuracy over test ads that have near-identical titles at all.
    agreement_twinned_apart : how often the near-identical titles of these ads are filed alike. The best possible accuracy on them
        is between this and its square root (see ``label_noise``).
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
    """The temporal validation: trained on ads before ``cutoff``, tested on the later ones.

    ``coverage`` is what the thresholds that were chosen on the hold-out give on the later ads, for the levels that both have.
    """

    cutoff: str
    summary: SplitSummary
    coverage: list[Coverage]


@dataclass(frozen=True, slots=True)
class FlatReport:
    """The cascade compared with one flat classifier over all categories, on the same features and split.

    All are ``None`` if the preset leaves the comparison out as too slow.

    Attributes
    ----------
    accuracy, levels, choice : of the flat LinearSVC: the share of right paths, the shares that are right down to each level, and
        how it was trained.
    cascade_accuracy, cascade_levels : the same of the cascade alone, without the flat models that the classifier in service adds.
    cascade_against_flat, served_against_flat : the cascade alone, and the classifier in service, each compared with the
    LinearSVC.
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
    """The accuracy of the whole path and of the main category after training on so many ads.

    ``gain`` is the interval of the difference from the point before, on the same test ads; ``None`` for the first point.
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
        """Return the report in JSON's types; ``text`` returns a category path as people read it."""
        plain: dict[str, Any] = _plain(self, text)
        return {"report_version": REPORT_VERSION, **plain}


def _plain(value: Any, text: Callable[[Path], str]) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name), text) for field in fields(value)}
    if isinstance(value, tuple) and all(isinstance(item, int) for item in value):
        # A category path: reports have no other tuples of whole numbers.
        return text(value)
    if isinstance(value, list | tuple):
        return [_plain(item, text) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item, text) for key, item in value.items()}
    return value
