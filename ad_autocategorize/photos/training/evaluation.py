"""The figures of a photo model: accuracy of each head and of all together, and confusions. NumPy and scikit-learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.agreement import photos_disagree
from ad_autocategorize.photos.answers import (
    Logits,
    Rules,
    best_answers,
    calibrate,
    confidences,
    decode,
    merge,
    refusal_scores,
    sure_enough,
)
from ad_autocategorize.photos.pairs import pair_scores
from ad_autocategorize.photos.training.selection import (
    compare_weights,
    fit_threshold,
    unmasked_model_accuracy,
    violations,
)
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, BoolArray, IntArray, Vocabularies
from ad_autocategorize.statistics.intervals import wilson_interval
from ad_autocategorize.statistics.reliability import reliability

PRECISIONS = (0.9, 0.95, 0.99)
# For each head by itself: heads with few values, such as body types, have the most frequent confusions and would fill a common
# list.
MOST_CONFUSED = 8
SHOWN_PHOTOS = 3


@dataclass(frozen=True, slots=True)
class Confusion:
    """A value taken for another: how often, and photos that show it."""

    head: str
    truth: str
    answer: str
    count: int
    photos: tuple[str, ...]


def evaluate(
    logits: Logits,
    labels: IntArray,
    groups: IntArray,
    vocabularies: Vocabularies,
    rules: Rules,
    *,
    precision: float = 0.9,
    table: BoolArray | None = None,
) -> dict[str, Any]:
    """Return the figures of ads of cars, in JSON's types. The photos of an ad are answered together, as they are served.

    Parameters
    ----------
    logits, labels : by head float[n, classes], and int64[n, heads or more], ``MISSING`` where unknown.
    groups : int64[n], the ad of each photo.
    precision : what the answers that are filled in should reach.
    table : the pairs that exist today; by default those that were learned.
    """
    mask = vocabularies.compatibility() if table is None else table
    merged, truth = merge(logits, groups), labels[np.unique(groups, return_index=True)[1]]
    decoded = decode(merged, mask, rules)
    best = best_answers(decoded, mask)
    right = {head: best[head] == truth[:, column] for column, head in enumerate(HEADS)}
    known = {head: truth[:, column] != MISSING for column, head in enumerate(HEADS)}
    each = pair_scores(logits["brand"], logits["model"], mask, rules.pair_weight)
    return {
        "photos": len(labels),
        "ads": len(truth),
        "precision": precision,
        "heads": _by_head(decoded, best, truth, rules, precision),
        **_together(right, known),
        "pair_violations": violations(best["brand"], best["model"], mask),
        "model_accuracy_unmasked": unmasked_model_accuracy(logits, labels),
        "pair_weight": rules.pair_weight,
        "pair_weights": {f"{weight:g}": row for weight, row in compare_weights(merged, truth, mask).items()},
        "year_within": _year_within(best["year"], truth[:, HEADS.index("year")], vocabularies.year),
        "cars_refused": float((refusal_scores(logits, rules.refusal) < rules.refusal_threshold).mean()),
        "ads_that_disagree": sum(photos_disagree(each[groups == ad], rules.agreement) for ad in np.unique(groups)),
    }


def _by_head(
    decoded: Logits, best: Mapping[str, IntArray], truth: IntArray, rules: Rules, precision: float
) -> dict[str, dict[str, Any]]:
    """Return the figures of each head that has labels, over the ads that have one."""
    calibrated = calibrate(confidences(decoded, best), rules)
    sure = sure_enough(calibrated, rules)
    figures: dict[str, dict[str, Any]] = {}
    for column, head in enumerate(HEADS):
        known = truth[:, column] != MISSING
        if known.any():
            right = best[head][known] == truth[known, column]
            figures[head] = {
                **_accuracy(decoded[head][known], best[head][known], truth[known, column]),
                **_selective(calibrated[head][known], right, sure[head][known], precision),
                "threshold": rules.thresholds[head],
            }
    return figures


def _together(right: Mapping[str, BoolArray], known: Mapping[str, BoolArray]) -> dict[str, Any]:
    """Return the shares of ads in which several fields are right at once; ``right`` and ``known`` are bool[ads] by head."""
    everything: BoolArray = np.asarray(np.stack([right[head] | ~known[head] for head in HEADS]).all(axis=0))
    figures: dict[str, Any] = {"all_known_heads_right": float(everything.mean()) if len(everything) else 0.0}
    # Without colors too, which are often missing.
    for name, heads in (("all_five", HEADS), ("all_but_color", [head for head in HEADS if head != "color"])):
        complete: BoolArray = np.asarray(np.stack([known[head] for head in heads]).all(axis=0))
        all_right = np.asarray(np.stack([right[head] for head in heads]).all(axis=0))[complete]
        figures |= {f"{name}_known": int(complete.sum()), f"{name}_right": _share(all_right)}
    return figures


def _accuracy(scores: NDArray[np.floating], best: IntArray, truth: IntArray) -> dict[str, Any]:
    """Return the accuracies of one head, for scores float[ads, classes], answers and labels int64[ads]."""
    from sklearn.metrics import f1_score

    right = best == truth
    interval = wilson_interval(int(right.sum()), len(right))
    rank = (scores > scores[np.arange(len(truth)), truth][:, None]).sum(axis=1)
    return {
        "support": len(truth),
        "accuracy": float(right.mean()),
        "low": interval.low,
        "high": interval.high,
        "top3": float((rank < 3).mean()),
        "macro_f1": float(f1_score(truth, best, average="macro", labels=np.unique(truth), zero_division=0)),
    }


def _selective(
    confidence: NDArray[np.floating], right: BoolArray, filled: BoolArray, precision: float
) -> dict[str, Any]:
    """Return the calibration of confidences, the coverage that they allow, and what the threshold fills in.

    All arrays are of shape (ads,); ``filled`` says which answers the threshold lets through.
    """
    measured = reliability(0, confidence, right)
    low, high = None, None
    if filled.any():
        interval = wilson_interval(int(right[filled].sum()), int(filled.sum()))
        low, high = interval.low, interval.high
    return {
        "expected_calibration_error": measured.expected_calibration_error,
        "reliability": [
            {"confidence": part.confidence, "right": part.accuracy, "photos": part.ads} for part in measured.bins
        ],
        "coverage": {
            str(wanted): float((confidence >= fit_threshold(wanted, confidence, right)).mean()) for wanted in PRECISIONS
        },
        "filled_in": float(filled.mean()),
        "filled_in_right": _share(right[filled]),
        "filled_in_low": low,
        "filled_in_high": high,
        "best_threshold": fit_threshold(precision, confidence, right),
        "could_be_filled_in": float((confidence >= fit_threshold(precision, confidence, right)).mean()),
    }


def _share(right: BoolArray) -> float | None:
    return float(right.mean()) if len(right) else None


def _year_within(best: IntArray, truth: IntArray, years: Sequence[int]) -> dict[str, float]:
    """Return the share of answered years that are off by at most 0, 1 and 2 years."""
    known = truth != MISSING
    if not known.any():
        return {}
    values = np.array(years)
    off = np.abs(values[best[known]] - values[truth[known]])
    return {str(distance): float((off <= distance).mean()) for distance in (0, 1, 2)}


def most_confused(
    best: Mapping[str, IntArray], labels: IntArray, vocabularies: Vocabularies, names: Sequence[str]
) -> list[Confusion]:
    """Return the most frequent confusions of each head, with the names of a few of the photos.

    ``best``, int64[photos] by head, are the answers; ``names`` are those of the photos.
    """
    confused = []
    for column, head in enumerate(HEADS):
        values = [" ".join(value) if isinstance(value, tuple) else str(value) for value in getattr(vocabularies, head)]
        counts: Counter[tuple[str, str]] = Counter()
        shown: dict[tuple[str, str], list[str]] = {}
        for place in np.flatnonzero((labels[:, column] != MISSING) & (best[head] != labels[:, column])):
            key = (values[labels[place, column]], values[best[head][place]])
            counts[key] += 1
            shown.setdefault(key, []).append(names[int(place)])
        for key, count in counts.most_common(MOST_CONFUSED):
            confused.append(Confusion(head, *key, count, tuple(shown[key][:SHOWN_PHOTOS])))
    return confused
