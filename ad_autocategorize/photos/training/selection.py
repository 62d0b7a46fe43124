"""Choosing, on validation photos, the rules by which logits become answers (see ``answers.Rules``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.agreement import fit_agreement
from ad_autocategorize.photos.answers import (
    CAR,
    LEAST_CONFIDENCE,
    NEVER,
    Logits,
    Rules,
    best_answers,
    calibrate,
    confidences,
    decode,
    merge,
    refusal_scores,
)
from ad_autocategorize.photos.calibration import fit_calibration
from ad_autocategorize.photos.pairs import WEIGHTS, pair_scores
from ad_autocategorize.photos.relations import WEIGHTS as RELATION_WEIGHTS
from ad_autocategorize.photos.relations import Relation, apply_relations
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, BoolArray, IntArray
from ad_autocategorize.statistics.thresholds import choose_threshold

# The refusal threshold is chosen so that this share of photos of cars is refused. At most 2 % are to be: this leaves room for
# chance among some 500 validation photos.
REFUSED_CARS = 0.012
# The zooms of ``Preprocessing`` of which one is chosen.
ZOOMS = (1.0, 1.08, 1.15)


def choose_rules(
    logits: Logits,
    labels: IntArray,
    groups: IntArray,
    table: BoolArray,
    *,
    precision: float = 0.9,
    others_learned: bool = True,
    relations: Sequence[Relation] = (),
) -> tuple[Rules, dict[str, Any]]:
    """Return the rules that do best on validation photos of cars, and the figures by which they were chosen.

    Parameters
    ----------
    logits, labels : of the validation photos; labels int64[n, heads or more], ``MISSING`` where unknown.
    groups : int64[n], the ad of each photo. Confidences are those of whole ads, as they are served.
    table : the pairs that may be answered, bool[brands, models].
    precision : what the answers that are filled in are to reach, in each head.
    others_learned : whether the network was trained on photos of other things too; otherwise cars are told by their energy.
    relations : relations between the model and other heads, whose weights are chosen here.
    """
    compared = compare_weights(logits, labels, table)
    # Of equally good weights, 1 is preferred.
    weight = max(compared, key=lambda item: (sum(compared[item].values()), item == 1))
    rules = Rules(pair_weight=weight, refusal=CAR if others_learned else "energy")
    scores = refusal_scores(logits, rules.refusal)
    limit = float(np.quantile(scores, REFUSED_CARS)) if len(scores) else -np.inf
    each = pair_scores(logits["brand"], logits["model"], table, weight)
    rules = replace(rules, refusal_threshold=limit, agreement=fit_agreement(each, labels[:, 1]))
    merged, truth = merge(logits, groups), labels[np.unique(groups, return_index=True)[1]]
    rules = replace(rules, relations=_weigh(relations, decode(merged, table, rules), truth))
    rules = _with_thresholds(rules, decode(merged, table, rules), truth, table, precision)
    figures = {
        "pair_weights": {f"{item:g}": values for item, values in compared.items()},
        "relations": {relation.told: relation.weight for relation in rules.relations},
    }
    return rules, figures


def _with_thresholds(rules: Rules, decoded: Logits, truth: IntArray, table: BoolArray, precision: float) -> Rules:
    """Return the rules with calibrations and thresholds, fitted to decoded answers and labels of ads."""
    best = best_answers(decoded, table)
    first = confidences(decoded, best)
    known = {head: truth[:, column] != MISSING for column, head in enumerate(HEADS)}
    right = {head: (best[head] == truth[:, column])[known[head]] for column, head in enumerate(HEADS)}
    rules = replace(
        rules, calibrations={head: fit_calibration(first[head][known[head]], right[head]) for head in HEADS}
    )
    calibrated = calibrate(first, rules)
    thresholds = {head: fit_threshold(precision, calibrated[head][known[head]], right[head]) for head in HEADS}
    return replace(rules, thresholds=thresholds)


def fit_threshold(precision: float, confidence: NDArray[np.floating], right: BoolArray) -> float:
    """Return the least confidence with which a field is filled in; ``NEVER`` if no threshold surely has the precision."""
    chosen = choose_threshold(precision, confidence, right)
    return NEVER if chosen is None else max(chosen, LEAST_CONFIDENCE)


def compare_weights(logits: Logits, labels: IntArray, table: BoolArray) -> dict[float, dict[str, float]]:
    """Return the accuracy of brand and model with each weight of the model branch."""
    known = (labels[:, 0] != MISSING) & (labels[:, 1] != MISSING)
    compared = {}
    for weight in WEIGHTS:
        model = pair_scores(logits["brand"][known], logits["model"][known], table, weight).argmax(axis=1)
        brand = table.argmax(axis=0)[model]
        compared[weight] = {"brand": _share(brand == labels[known, 0]), "model": _share(model == labels[known, 1])}
    return compared


def likelihood(logits: Logits, labels: IntArray, table: BoolArray) -> float:
    """Return the mean log-likelihood of the labels of all heads: a finer measure than accuracy."""
    decoded = decode(logits, table, Rules())
    parts = []
    for column, head in enumerate(HEADS):
        known = np.flatnonzero(labels[:, column] != MISSING)
        parts.append(decoded[head][known, labels[known, column]])
    together = np.concatenate(parts)
    # Bounded, since a label that the table rules out has minus infinity.
    return float(np.maximum(together, -20.0).mean()) if len(together) else 0.0


def unmasked_model_accuracy(logits: Logits, labels: IntArray) -> float:
    """Return the accuracy of the model branch alone, whose answers may contradict the brand's."""
    known = labels[:, 1] != MISSING
    return _share(logits["model"][known].argmax(axis=1) == labels[known, 1])


def violations(brands: IntArray, models: IntArray, table: BoolArray) -> int:
    """Return how many brand-model answers are not in the table."""
    return int((~table[brands, models]).sum())


def _weigh(relations: Sequence[Relation], decoded: Logits, labels: IntArray) -> tuple[Relation, ...]:
    """Return each relation with the weight that makes the labels likeliest, without those for which that is 0."""
    chosen = []
    for relation in relations:
        column = HEADS.index(relation.told)
        known = np.flatnonzero(labels[:, column] != MISSING)
        if not len(known):
            continue
        truth = labels[known, column]
        weighed = {weight: replace(relation, weight=weight) for weight in RELATION_WEIGHTS}
        likely = {
            weight: apply_relations(decoded, (item,))[relation.told][known, truth].mean()
            for weight, item in weighed.items()
        }
        best = max(likely, key=likely.__getitem__)
        if best > 0:
            chosen.append(weighed[best])
    return tuple(chosen)


def _share(right: NDArray[np.bool_]) -> float:
    return float(right.mean()) if len(right) else 0.0
