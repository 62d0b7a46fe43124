"""Choosing, on validation photos, how logits become answers: decoding, calibration, thresholds, and what is no car."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.answers import (
    CAR,
    Logits,
    Rules,
    best_answers,
    calibrate,
    confidences,
    decode,
    refusal_scores,
)
from ad_autocategorize.photos.calibration import fit_calibration, fit_threshold
from ad_autocategorize.photos.pairs import DECODINGS, WEIGHTS, Decoding
from ad_autocategorize.photos.relations import Relation
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, BoolArray, IntArray

# At most 3 % of the cars are to be refused. Of 500 validation photos half as many leave room for chance: two standard errors.
REFUSED_CARS = 0.015


def choose_rules(
    logits: Logits,
    labels: IntArray,
    table: BoolArray,
    *,
    precision: float = 0.9,
    others_learned: bool = True,
    relations: tuple[Relation, ...] = (),
) -> tuple[Rules, dict[str, Any]]:
    """Return the rules that do best on validation photos of cars, and the figures that they were chosen by.

    Parameters
    ----------
    logits, labels : of the validation photos, labels int64[n, heads or more].
    precision : what the answers that are filled in are to reach, in each head.
    others_learned : whether photos of other things were learned from; else cars are told by their energy.
    relations : become part of the rules as they are.
    """
    compared = compare_decodings(logits, labels, table)
    chosen: tuple[Decoding, float] = max(compared, key=lambda item: sum(compared[item].values()))
    rules = Rules(decoding=chosen[0], pair_weight=chosen[1], refusal=CAR if others_learned else "energy")
    rules = replace(rules, relations=relations)
    decoded = decode(logits, table, rules)
    best = best_answers(decoded, table)
    first = confidences(decoded, best)
    known = {head: labels[:, column] != MISSING for column, head in enumerate(HEADS)}
    right = {head: best[head] == labels[:, column] for column, head in enumerate(HEADS)}
    fitted = {head: fit_calibration(first[head][known[head]], right[head][known[head]]) for head in HEADS}
    rules = replace(rules, calibrations={head: calibration for head, (calibration, _) in fitted.items()})
    calibrated = calibrate(first, rules)
    thresholds = {
        head: fit_threshold(calibrated[head][known[head]], right[head][known[head]], precision) for head in HEADS
    }
    scores = refusal_scores(logits, rules.refusal)
    limit = float(np.quantile(scores, REFUSED_CARS)) if len(scores) else -np.inf
    figures = {
        "decodings": {f"{name} {weight:g}": values for (name, weight), values in compared.items()},
        "calibration_log_loss": {head: losses for head, (_, losses) in fitted.items()},
    }
    return replace(rules, thresholds=thresholds, refusal_threshold=limit), figures


def compare_decodings(
    logits: Logits, labels: IntArray, table: BoolArray
) -> dict[tuple[Decoding, float], dict[str, float]]:
    """Return the accuracy of brand and model with each decoding and weight."""
    known = (labels[:, 0] != MISSING) & (labels[:, 1] != MISSING)
    chosen = {head: logits[head][known] for head in HEADS}
    compared: dict[tuple[Decoding, float], dict[str, float]] = {}
    for decoding in DECODINGS:
        for weight in WEIGHTS if decoding == "weighted" else (1.0,):
            rules = Rules(decoding=decoding, pair_weight=weight)
            best = best_answers(decode(chosen, table, rules), table)
            compared[decoding, weight] = {
                "brand": _share(best["brand"] == labels[known, 0]),
                "model": _share(best["model"] == labels[known, 1]),
            }
    return compared


def unmasked_model_accuracy(logits: Logits, labels: IntArray) -> float:
    """Return the accuracy of the model branch alone, whose answers may contradict the brand's."""
    known = labels[:, 1] != MISSING
    return _share(logits["model"][known].argmax(axis=1) == labels[known, 1])


def violations(brands: IntArray, models: IntArray, table: BoolArray) -> int:
    """Return how many brand-model answers are not in the table."""
    return int((~table[brands, models]).sum())


def _share(right: NDArray[np.bool_]) -> float:
    return float(right.mean()) if len(right) else 0.0
