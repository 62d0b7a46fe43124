"""Soft relations between heads: what cars of a model usually are; never hard. NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.pairs import log_softmax
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, IntArray

FloatArray = NDArray[np.floating]

# The head that is known, and the heads that it tells something of.
GIVEN, TOLD = "model", ("body_type", "year")
# How much of a relation is believed; one of them is chosen on validation photos, 0 for none of it.
WEIGHTS = (0.0, 0.25, 0.5, 1.0)
# Cars of the overall distribution that every value is thought to have had besides: nothing is ever ruled out.
PSEUDO_CARS = 2.0


@dataclass(frozen=True, slots=True)
class Relation:
    """How much more often ``told`` values occur with each model than they do overall.

    Attributes
    ----------
    told : the head that the model tells something of.
    weight : how much of it is believed; with 1 as much as the photo itself.
    lifts : float[models, told values], P(told | model) / P(told), all above zero.
    """

    told: str
    weight: float
    lifts: FloatArray

    def to_dict(self) -> dict[str, Any]:
        """Return the relation in JSON's types."""
        lifts = np.maximum(np.round(self.lifts.astype(float), 4), 1e-4).tolist()
        return {"told": self.told, "weight": self.weight, "lifts": lifts}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Relation:
        """Read what ``to_dict`` gave. Raises ``KeyError``, ``TypeError`` and ``ValueError``."""
        lifts = np.array(document["lifts"], dtype=np.float64)
        if document["told"] not in TOLD or lifts.ndim != 2 or not (lifts > 0).all():
            raise ValueError(f"no relation of the model to {document['told']!r}")
        return cls(document["told"], float(document["weight"]), lifts)


def learn_relation(labels: IntArray, sizes: Mapping[str, int], told: str) -> Relation:
    """Count a relation, with the weight 1.

    Parameters
    ----------
    labels : int64[photos, heads or more], ``MISSING`` where unknown.
    sizes : the number of values of each head.
    """
    columns = labels[:, [HEADS.index(GIVEN), HEADS.index(told)]]
    known = columns[(columns != MISSING).all(axis=1)]
    counts = np.zeros((sizes[GIVEN], sizes[told]))
    np.add.at(counts, (known[:, 0], known[:, 1]), 1.0)
    overall = (counts.sum(axis=0) + 1) / (counts.sum() + sizes[told])
    shares = (counts + PSEUDO_CARS * overall) / (counts.sum(axis=1, keepdims=True) + PSEUDO_CARS)
    return Relation(told, 1.0, shares / overall)


def apply_relations(decoded: Mapping[str, FloatArray], relations: tuple[Relation, ...]) -> dict[str, FloatArray]:
    """Return log-probabilities float[n, classes] by head, those of ``told`` heads moved by what the models say."""
    moved = dict(decoded)
    for relation in relations:
        # Weighted by the probability of each model, not by the first alone: a wrong model must not settle the year.
        expected = np.exp(decoded[GIVEN]) @ relation.lifts
        moved[relation.told] = log_softmax(moved[relation.told] + relation.weight * np.log(expected))
    return moved
