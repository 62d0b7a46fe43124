"""How good the answers are: by head, as a whole, and where they go wrong. NumPy and scikit-learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.answers import (
    Logits,
    Rules,
    best_answers,
    calibrate,
    confidences,
    decode,
    refusal_scores,
    sure_enough,
)
from ad_autocategorize.photos.calibration import BINS, coverage_at, expected_calibration_error
from ad_autocategorize.photos.training.selection import unmasked_model_accuracy, violations
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, BoolArray, IntArray, Vocabularies

PRECISIONS = (0.9, 0.95, 0.99)
# Of each head: years and body types are so few that over all heads their confusions would fill the list.
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
    vocabularies: Vocabularies,
    rules: Rules,
    *,
    table: BoolArray | None = None,
) -> dict[str, Any]:
    """Return the figures of photos of cars in JSON's types.

    Parameters
    ----------
    logits, labels : by head float[n, classes], and int64[n, heads or more], ``MISSING`` where unknown.
    """
    mask = vocabularies.compatibility() if table is None else table
    decoded = decode(logits, mask, rules)
    best = best_answers(decoded, mask)
    calibrated = calibrate(confidences(decoded, best), rules)
    sure = sure_enough(calibrated, rules)
    right_everywhere = np.ones(len(labels), dtype=bool)
    complete = (labels[:, : len(HEADS)] != MISSING).all(axis=1)
    heads = {}
    for column, head in enumerate(HEADS):
        known = labels[:, column] != MISSING
        right_everywhere &= ~known | (best[head] == labels[:, column])
        if known.any():
            truth = labels[known, column]
            heads[head] = _head_figures(decoded[head][known], best[head][known], truth, calibrated[head][known])
            heads[head] |= _filled_in(sure[head][known], best[head][known] == truth)
    return {
        "photos": len(labels),
        "heads": heads,
        "all_known_heads_right": float(right_everywhere.mean()) if len(labels) else 0.0,
        "all_five_known": int(complete.sum()),
        "all_five_right": float(right_everywhere[complete].mean()) if complete.any() else None,
        "pair_violations": violations(best["brand"], best["model"], mask),
        "model_accuracy_unmasked": unmasked_model_accuracy(logits, labels),
        "year_within": _year_within(best["year"], labels[:, HEADS.index("year")], vocabularies.year),
        "cars_refused": float((refusal_scores(logits, rules.refusal) < rules.refusal_threshold).mean()),
    }


def _head_figures(
    scores: NDArray[np.floating], best: IntArray, truth: IntArray, confidence: NDArray[np.floating]
) -> dict[str, Any]:
    from sklearn.metrics import f1_score

    right = best == truth
    rank = (scores > scores[np.arange(len(truth)), truth][:, None]).sum(axis=1)
    return {
        "support": len(truth),
        "accuracy": float(right.mean()),
        "top3": float((rank < 3).mean()),
        "macro_f1": float(f1_score(truth, best, average="macro", labels=np.unique(truth), zero_division=0)),
        "expected_calibration_error": expected_calibration_error(confidence, right),
        "coverage": {str(precision): coverage_at(confidence, right, precision) for precision in PRECISIONS},
        "reliability": _reliability(confidence, right),
    }


def _filled_in(accepted: BoolArray, right: BoolArray) -> dict[str, Any]:
    """Return the share of answers above the threshold, and how many of those are right; ``None`` where there are none."""
    return {
        "filled_in": float(accepted.mean()),
        "filled_in_right": float(right[accepted].mean()) if accepted.any() else None,
    }


def _reliability(confidence: NDArray[np.floating], right: BoolArray) -> list[dict[str, Any]]:
    """Return mean confidence, share of right answers and number of each bin of confidences that is not empty."""
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    chosen = [place == number for number in np.unique(place)]
    return [
        {"confidence": float(confidence[part].mean()), "right": float(right[part].mean()), "photos": int(part.sum())}
        for part in chosen
    ]


def _year_within(best: IntArray, truth: IntArray, years: Sequence[int]) -> dict[str, float]:
    known = truth != MISSING
    if not known.any():
        return {}
    values = np.array(years)
    off = np.abs(values[best[known]] - values[truth[known]])
    return {str(distance): float((off <= distance).mean()) for distance in (0, 1, 2)}


def most_confused(
    best: Mapping[str, IntArray], labels: IntArray, vocabularies: Vocabularies, names: Sequence[str]
) -> list[Confusion]:
    """Return the values of each head that are taken for one another most often, with a few of the photos, head by head."""
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
