"""Soft relations between heads: what cars of a model or a brand usually are. Off by default, and never hard. NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.pairs import log_softmax
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, IntArray

FloatArray = NDArray[np.floating]

# The name that settings give to a relation: the head that is known, and the head that it tells something of.
RELATIONS = {
    "model-body_type": ("model", "body_type"),
    "model-year": ("model", "year"),
    "brand-year": ("brand", "year"),
}
# Cars of the overall distribution that every value is thought to have had besides: nothing is ever ruled out.
PSEUDO_CARS = 2.0


@dataclass(frozen=True, slots=True)
class Relation:
    """How much more often ``told`` values occur with each ``given`` value than they do overall.

    Attributes
    ----------
    given, told : heads.
    weight : how much of it is believed; with 1 as much as the photo itself.
    lifts : float[given values, told values], P(told | given) / P(told), all above zero.
    """

    given: str
    told: str
    weight: float
    lifts: FloatArray

    def to_dict(self) -> dict[str, Any]:
        """Return the relation in JSON's types."""
        lifts = np.round(self.lifts.astype(float), 4).tolist()
        return {"given": self.given, "told": self.told, "weight": self.weight, "lifts": lifts}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Relation:
        """Read what ``to_dict`` gave. Raises ``KeyError``, ``TypeError`` and ``ValueError``."""
        lifts = np.array(document["lifts"], dtype=np.float64)
        if (document["given"], document["told"]) not in RELATIONS.values() or lifts.ndim != 2:
            raise ValueError(f"no relation of {document['given']!r} to {document['told']!r}")
        return cls(document["given"], document["told"], float(document["weight"]), lifts)


def learn_relations(labels: IntArray, sizes: Mapping[str, int], weights: Mapping[str, float]) -> tuple[Relation, ...]:
    """Count the relations that have a weight.

    Parameters
    ----------
    labels : int64[photos, heads or more], ``MISSING`` where unknown.
    sizes : the number of values of each head.
    weights : by names of ``RELATIONS``.
    """
    return tuple(_learn(labels, sizes, *RELATIONS[name], weight) for name, weight in weights.items() if weight)


def _learn(labels: IntArray, sizes: Mapping[str, int], given: str, told: str, weight: float) -> Relation:
    columns = labels[:, [HEADS.index(given), HEADS.index(told)]]
    known = columns[(columns != MISSING).all(axis=1)]
    counts = np.zeros((sizes[given], sizes[told]))
    np.add.at(counts, (known[:, 0], known[:, 1]), 1.0)
    overall = (counts.sum(axis=0) + 1) / (counts.sum() + sizes[told])
    shares = (counts + PSEUDO_CARS * overall) / (counts.sum(axis=1, keepdims=True) + PSEUDO_CARS)
    return Relation(given, told, weight, shares / overall)


def apply_relations(decoded: Mapping[str, FloatArray], relations: tuple[Relation, ...]) -> dict[str, FloatArray]:
    """Return log-probabilities float[n, classes] by head, those of ``told`` heads moved by what the ``given`` ones say."""
    moved = dict(decoded)
    for relation in relations:
        # Weighted by the probability of each given value, not by the first alone: a wrong model must not settle the year.
        expected = np.exp(decoded[relation.given]) @ relation.lifts
        moved[relation.told] = log_softmax(moved[relation.told] + relation.weight * np.log(expected))
    return moved
