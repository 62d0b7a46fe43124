"""From logits to answers about a car: decoded, calibrated, compared with thresholds.

The same in evaluation and in serving. NumPy alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.agreement import DEFAULT_LIMIT, photos_disagree
from ad_autocategorize.photos.calibration import Calibration
from ad_autocategorize.photos.pairs import brand_probabilities, log_softmax, pair_scores
from ad_autocategorize.photos.relations import Relation, apply_relations
from ad_autocategorize.photos.vocabularies import HEADS, BoolArray, IntArray, Pair, Vocabularies

Logits = Mapping[str, NDArray[np.floating]]
CAR = "car"
# A threshold that no confidence reaches: the field always stays empty.
NEVER = 1.01
# No threshold is lower, however many answers are right: a field is never filled in with what is likelier wrong than right.
LEAST_CONFIDENCE = 0.5


@dataclass(frozen=True, slots=True)
class Rules:
    """How logits become answers; chosen on validation photos and kept in the manifest.

    Attributes
    ----------
    pair_weight : see ``pairs.pair_scores``.
    calibrations : by head, from probability to confidence.
    thresholds : by head, the least confidence with which its answer is filled in.
    refusal : how photos are scored for showing a car: "car" for the branch that was trained to tell, or "energy" if there were no
        photos of other things to train it on (see ``refusal_scores``).
    refusal_threshold : photos with a lower score count as showing no car.
    agreement : below this ratio two photos contradict each other (see ``agreement.same_car_ratios``).
    relations : how the model changes the probabilities of other heads (see ``relations``).
    """

    pair_weight: float = 1.0
    calibrations: dict[str, Calibration] = field(default_factory=lambda: {head: Calibration() for head in HEADS})
    thresholds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(HEADS, LEAST_CONFIDENCE))
    refusal: str = CAR
    refusal_threshold: float = -np.inf
    agreement: float = DEFAULT_LIMIT
    relations: tuple[Relation, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the rules in JSON's types."""
        return {
            "pair_weight": self.pair_weight,
            "calibrations": {head: item.to_dict() for head, item in self.calibrations.items()},
            "thresholds": self.thresholds,
            "refusal": self.refusal,
            "refusal_threshold": max(self.refusal_threshold, -1e9),
            "agreement": self.agreement,
            "relations": [relation.to_dict() for relation in self.relations],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Rules:
        """Make rules of what ``to_dict`` returned. Raises ``KeyError``, ``TypeError`` and ``ValueError``."""
        calibrations = {head: Calibration.from_dict(document["calibrations"][head]) for head in HEADS}
        thresholds = {head: float(document["thresholds"].get(head, NEVER)) for head in HEADS}
        return cls(
            float(document["pair_weight"]),
            calibrations,
            thresholds,
            str(document["refusal"]),
            float(document["refusal_threshold"]),
            float(document["agreement"]),
            tuple(map(Relation.from_dict, document["relations"])),
        )


def merge(logits: Logits, groups: IntArray) -> dict[str, NDArray[np.floating]]:
    """Return the mean log-probabilities of each ad's photos, by head float[ads, classes]; ads are in ascending order.

    This comes before decoding: the photos of a car may favour models of different brands, and one pair is wanted for all of them.
    ``groups`` is the number of each photo's ad, int64[photos].
    """
    _, places, counts = np.unique(groups, return_inverse=True, return_counts=True)
    merged: dict[str, NDArray[np.floating]] = {}
    for head in HEADS:
        each = log_softmax(logits[head])
        sums = np.zeros((len(counts), each.shape[1]))
        np.add.at(sums, places, each)
        merged[head] = sums / counts[:, None]
    return merged


def decode(logits: Logits, table: BoolArray, rules: Rules) -> dict[str, NDArray[np.floating]]:
    """Return log-probabilities by head, float[n, classes].

    Those of "model" are of brand-model pairs, of which only those in the ``table``, bool[brands, models], are possible. Those of
    "brand" are sums over the brand's pairs.
    """
    decoded = {head: log_softmax(logits[head]) for head in HEADS}
    decoded["model"] = pair_scores(logits["brand"], logits["model"], table, rules.pair_weight)
    with np.errstate(divide="ignore"):
        decoded["brand"] = np.log(brand_probabilities(decoded["model"], table))
    return apply_relations(decoded, rules.relations)


def best_answers(decoded: Logits, table: BoolArray) -> dict[str, NDArray[np.int64]]:
    """Return the most probable answer by head, int64[n]; as brand, the one that makes the most probable model."""
    best = {head: np.asarray(decoded[head].argmax(axis=1)) for head in HEADS}
    best["brand"] = table.argmax(axis=0)[best["model"]]
    return best


def confidences(decoded: Logits, best: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.floating]]:
    """Return the uncalibrated probabilities of answers, float[n] by head."""
    rows = np.arange(len(best["brand"]))
    return {head: np.exp(decoded[head][rows, best[head]]) for head in HEADS}


def calibrate(first: Mapping[str, NDArray[np.floating]], rules: Rules) -> dict[str, NDArray[np.floating]]:
    """Return the confidences, float[n] by head, for the probabilities that ``confidences`` returned."""
    calibrated = {head: rules.calibrations[head](first[head]) for head in HEADS}
    # A model is right only if its brand is, so that the brand is at least as sure; calibrated separately, it may not seem so.
    calibrated["brand"] = np.maximum(calibrated["brand"], calibrated["model"])
    return calibrated


def sure_enough(calibrated: Mapping[str, NDArray[np.floating]], rules: Rules) -> dict[str, BoolArray]:
    """Return whether each answer may be filled in, bool[n] by head. A brand may be if its model may."""
    sure = {head: np.asarray(calibrated[head] >= rules.thresholds[head]) for head in HEADS}
    sure["brand"] = sure["brand"] | sure["model"]
    return sure


def refusal_scores(logits: Logits, refusal: str) -> NDArray[np.floating]:
    """Return a score of each photo for showing a car, float[n].

    With "energy" it is the logarithm of the summed exponentials of the model logits, which is low for images unlike all that the
    network was trained on (Liu et al., "Energy-based Out-of-distribution Detection", arXiv:2010.03759).
    """
    if refusal == CAR:
        return logits[CAR][:, 0]
    scores = logits["model"]
    highest = scores.max(axis=1)
    energy: NDArray[np.floating] = highest + np.log(np.exp(scores - highest[:, None]).sum(axis=1))
    return energy


@dataclass(frozen=True, slots=True)
class Option:
    """A value that a head may have, with its probability."""

    value: Any
    probability: float


@dataclass(frozen=True, slots=True)
class HeadAnswer:
    """The most probable values of a head; ``accepted`` says whether the first may be filled in."""

    options: tuple[Option, ...]
    confidence: float
    accepted: bool


@dataclass(frozen=True, slots=True)
class CarAnswer:
    """The answer to the photos of one car.

    Attributes
    ----------
    is_car : false if no photo shows a car; then there are no heads.
    heads : by head. The values of "model" are pairs (brand, model) of the table.
    models_by_brand : each brand's models, the most probable first, for a seller who corrects the brand.
    twins : other pairs that are the same car under another badge as the most probable pair.
    photos_used : how many of the photos show a car.
    disagree : whether the photos seem to show different cars; then no answer is accepted.
    """

    is_car: bool
    heads: dict[str, HeadAnswer]
    models_by_brand: dict[str, tuple[Option, ...]]
    twins: tuple[Pair, ...]
    photos_used: int
    disagree: bool = False


NO_CAR = CarAnswer(False, {}, {}, (), 0)


def answer_car(
    logits: Logits,
    vocabularies: Vocabularies,
    rules: Rules,
    *,
    table: Iterable[Pair] | None = None,
    twins: Iterable[Iterable[Pair]] = (),
    limit: int = 3,
) -> CarAnswer:
    """Combine the photos of one car, those that show a car, and decode them together.

    Parameters
    ----------
    logits : by head, float[photos, classes].
    table : the pairs that exist today; by default those that were learned.
    twins : groups of pairs that are the same car under several badges.
    limit : how many options each head has at most.

    Raises
    ------
    ValueError : the table has no pair that was learned.
    """
    shows_car = refusal_scores(logits, rules.refusal) >= rules.refusal_threshold
    if not shows_car.any():
        return NO_CAR
    mask = vocabularies.compatibility(table)
    shown = {name: values[shows_car] for name, values in logits.items()}
    photos = int(shows_car.sum())
    each = pair_scores(shown["brand"], shown["model"], mask, rules.pair_weight)
    disagree = photos_disagree(each, rules.agreement)
    # All photos are of one ad, so that each array below has one row.
    decoded = decode(merge(shown, np.zeros(photos, dtype=np.int64)), mask, rules)
    best = best_answers(decoded, mask)
    heads = _head_answers(decoded, best, vocabularies, rules, limit)
    if disagree:
        heads = {head: replace(answer, accepted=False) for head, answer in heads.items()}
    return CarAnswer(
        is_car=True,
        heads=heads,
        models_by_brand=_models_by_brand(vocabularies, decoded["model"][0], mask),
        twins=_twins_of(vocabularies.model[int(best["model"][0])], twins),
        photos_used=photos,
        disagree=disagree,
    )


def _head_answers(
    decoded: Logits, best: Mapping[str, NDArray[np.int64]], vocabularies: Vocabularies, rules: Rules, limit: int
) -> dict[str, HeadAnswer]:
    """Return the answer of each head for the one ad that was decoded."""
    calibrated = calibrate(confidences(decoded, best), rules)
    sure = sure_enough(calibrated, rules)
    answers = {}
    for head in HEADS:
        confidence = float(calibrated[head][0])
        options = _options(getattr(vocabularies, head), decoded[head][0], int(best[head][0]), confidence, limit)
        answers[head] = HeadAnswer(options, confidence, bool(options and sure[head][0]))
    return answers


def _twins_of(pair: Pair, twins: Iterable[Iterable[Pair]]) -> tuple[Pair, ...]:
    """Return the other pairs of the first group that the pair is in."""
    group = next((group for group in map(tuple, twins) if pair in group), ())
    return tuple(other for other in group if other != pair)


def _options(
    values: tuple[Any, ...], scores: NDArray[np.floating], best: int, confidence: float, limit: int
) -> tuple[Option, ...]:
    """Return the best answer and the most probable others, none for a head without values.

    The best answer has its calibrated confidence. What that leaves is shared among the others in proportion to their
    probabilities before calibration; ``scores`` are the logarithms of those, float[classes].
    """
    if not values:
        return ()
    probabilities = np.exp(scores)
    others = probabilities.sum() - probabilities[best]
    order = [best, *(int(place) for place in np.argsort(-probabilities, kind="stable") if place != best)]
    options = [Option(values[best], confidence)]
    for place in order[1:limit]:
        share = probabilities[place] / others * (1 - confidence) if others > 0 else 0.0
        if share > 0:
            # A low confidence may leave the second more than the first has: none is shown above the one before it.
            options.append(Option(values[place], float(min(share, options[-1].probability))))
    return tuple(options)


def _models_by_brand(
    vocabularies: Vocabularies, scores: NDArray[np.floating], mask: BoolArray
) -> dict[str, tuple[Option, ...]]:
    """Return the models of each brand, most probable first, with their probabilities given the brand."""
    ranked = {}
    for place, brand in enumerate(vocabularies.brand):
        models = np.flatnonzero(mask[place])
        if len(models):
            shares = np.exp(log_softmax(scores[models]))
            order = np.argsort(-shares, kind="stable")
            ranked[brand] = tuple(Option(vocabularies.model[models[item]][1], float(shares[item])) for item in order)
    return ranked
