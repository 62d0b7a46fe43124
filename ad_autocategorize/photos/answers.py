"""From logits to what is said of a car: decoded, calibrated, thresholded; the same in evaluation and serving. NumPy alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
# Whatever the share of right answers among all, no field is filled in with what is likelier wrong than right.
LEAST_CONFIDENCE = 0.5


@dataclass(frozen=True, slots=True)
class Rules:
    """How logits become answers; chosen on validation photos and kept in the manifest.

    Attributes
    ----------
    pair_weight : see ``pairs.pair_scores``.
    calibrations, thresholds : by head; below its threshold a head's answer is not to be filled in.
    refusal : "car" for the branch that tells cars from other things, "energy" where no other things were learned from.
    refusal_threshold : photos that score below are said not to show a car.
    agreement : photos of one ad contradict each other below this, see ``agreement.same_car_ratios``.
    relations : what the model says of other heads, see ``relations``.
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
        """Read what ``to_dict`` gave. Raises ``KeyError``, ``TypeError`` and ``ValueError``."""
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
    """Return the mean log-probabilities of each ad's photos, by head float[ads, classes], in the order of the groups' numbers.

    Before decoding: photos of one car may favour models of different brands, and the pair is to be that of all of them.
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
    """Return log-probabilities float[n, classes] of every head; "model" over the pairs of the table, "brand" their sums."""
    decoded = {head: log_softmax(logits[head]) for head in HEADS}
    decoded["model"] = pair_scores(logits["brand"], logits["model"], table, rules.pair_weight)
    with np.errstate(divide="ignore"):
        decoded["brand"] = np.log(brand_probabilities(decoded["model"], table))
    return apply_relations(decoded, rules.relations)


def best_answers(decoded: Logits, table: BoolArray) -> dict[str, NDArray[np.int64]]:
    """Return the first answer of each head, int64[n]; the brand is the one that makes the model."""
    best = {head: np.asarray(decoded[head].argmax(axis=1)) for head in HEADS}
    best["brand"] = table.argmax(axis=0)[best["model"]]
    return best


def confidences(decoded: Logits, best: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.floating]]:
    """Return the probability of each head's first answer before calibration, float[n]."""
    rows = np.arange(len(best["brand"]))
    return {head: np.exp(decoded[head][rows, best[head]]) for head in HEADS}


def calibrate(first: Mapping[str, NDArray[np.floating]], rules: Rules) -> dict[str, NDArray[np.floating]]:
    """Return calibrated confidences, float[n] by head, of what ``confidences`` gave; a brand's is never below its model's."""
    calibrated = {head: rules.calibrations[head](first[head]) for head in HEADS}
    # Each head is calibrated on its own, but a model is right only where its brand is.
    calibrated["brand"] = np.maximum(calibrated["brand"], calibrated["model"])
    return calibrated


def sure_enough(calibrated: Mapping[str, NDArray[np.floating]], rules: Rules) -> dict[str, BoolArray]:
    """Return whether each answer may be filled in, bool[n] by head; no model without its brand."""
    sure = {head: np.asarray(calibrated[head] >= rules.thresholds[head]) for head in HEADS}
    sure["brand"] = sure["brand"] | sure["model"]
    return sure


def refusal_scores(logits: Logits, refusal: str) -> NDArray[np.floating]:
    """Return how much each photo looks like a car, float[n].

    "energy" is the logarithm of the summed exponentials of the model logits (arXiv:2010.03759), low for what was never seen.
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
    """What the photos of one car say.

    Attributes
    ----------
    is_car : false where no photo shows a car; the heads are empty then.
    heads : by head. Models are options of (brand, model), all of them pairs of the table.
    models_by_brand : each brand's models, most probable first, for when the seller corrects the brand.
    twins : the cars that the first pair cannot be told from, since they are one car under several badges.
    photos_used : how many of the photos show a car.
    disagree : whether the photos seem to show different cars; no answer is accepted then.
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
    """Combine the photos of one car: those that show none are left out, the others' log-probabilities averaged, then decoded.

    Parameters
    ----------
    logits : by head, float[photos, classes].
    table : the pairs that exist today; those that were learned for ``None``.
    twins : groups of pairs that are one car.

    Raises ``ValueError`` where the table has no pair that was learned.
    """
    seen = refusal_scores(logits, rules.refusal) >= rules.refusal_threshold
    if not seen.any():
        return NO_CAR
    mask = vocabularies.compatibility(table)
    shown = {name: values[seen] for name, values in logits.items()}
    each = pair_scores(shown["brand"], shown["model"], mask, rules.pair_weight)
    disagree = photos_disagree(each, rules.agreement)
    combined = decode(merge(shown, np.zeros(int(seen.sum()), dtype=np.int64)), mask, rules)
    best = best_answers(combined, mask)
    calibrated = calibrate(confidences(combined, best), rules)
    sure = sure_enough(calibrated, rules)
    heads = {}
    for head in HEADS:
        confidence = float(calibrated[head][0])
        options = _options(vocabularies, head, combined[head][0], int(best[head][0]), confidence, limit)
        heads[head] = HeadAnswer(options, confidence, bool(options and sure[head][0]) and not disagree)
    pair = vocabularies.model[int(best["model"][0])]
    group = next((tuple(group) for group in map(list, twins) if pair in group), ())
    ranked = _models_by_brand(vocabularies, combined["model"][0], mask)
    others = tuple(item for item in group if item != pair)
    return CarAnswer(True, heads, ranked, others, int(seen.sum()), disagree)


def _options(
    vocabularies: Vocabularies, head: str, scores: NDArray[np.floating], best: int, confidence: float, limit: int
) -> tuple[Option, ...]:
    """Return the first values, none where no ad has one; what calibration leaves to the others is shared as the network does."""
    probabilities = np.exp(scores)
    others = probabilities.sum() - probabilities[best]
    values = getattr(vocabularies, head)
    if not values:
        return ()
    order = [best, *(int(place) for place in np.argsort(-probabilities, kind="stable") if place != best)]
    options = [Option(values[best], confidence)]
    for place in order[1:limit]:
        share = probabilities[place] / others * (1 - confidence) if others > 0 else 0.0
        if share > 0:
            # Never above the first, whatever calibration made of that one.
            options.append(Option(values[place], float(min(share, options[-1].probability))))
    return tuple(options)


def _models_by_brand(
    vocabularies: Vocabularies, scores: NDArray[np.floating], mask: BoolArray
) -> dict[str, tuple[Option, ...]]:
    ranked = {}
    for place, brand in enumerate(vocabularies.brand):
        models = np.flatnonzero(mask[place])
        if len(models):
            shares = np.exp(log_softmax(scores[models]))
            order = np.argsort(-shares, kind="stable")
            ranked[brand] = tuple(Option(vocabularies.model[models[item]][1], float(shares[item])) for item in order)
    return ranked
