"""What a car's model says of its body type and year: it makes some values likelier, and rules none out. NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.pairs import log_softmax
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, IntArray

FloatArray = NDArray[np.floating]

# The head that relations go out from, and the heads whose probabilities they change.
GIVEN, TOLD = "model", ("body_type", "year")
# The weights of a relation, of which one is chosen on validation photos. With 0 it has no effect.
WEIGHTS = (0.0, 0.25, 0.5, 1.0)
# Each model is counted as if it had so many more cars, distributed as all cars are. So no value is ever ruled out.
PSEUDO_CARS = 2.0


@dataclass(frozen=True, slots=True)
class Relation:
    """How much more often ``told`` values occur with each model than they do overall.

    Attributes
    ----------
    told : the head whose probabilities it changes.
    weight : the exponent of the lifts; with 1 the relation counts as much as the photo itself.
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
        """Make a relation of what ``to_dict`` returned. Raises ``KeyError``, ``TypeError`` and ``ValueError``."""
        lifts = np.array(document["lifts"], dtype=np.float64)
        if document["told"] not in TOLD or lifts.ndim != 2 or not (lifts > 0).all():
            raise ValueError(f"no relation of the model to {document['told']!r}")
        return cls(document["told"], float(document["weight"]), lifts)


def learn_relation(labels: IntArray, sizes: Mapping[str, int], told: str) -> Relation:
    """Learn a relation from labels, with the weight 1.

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
    """Return log-probabilities by head, float[n, classes], those of the relations' heads changed by what the models say."""
    moved = dict(decoded)
    for relation in relations:
        # The mean over all models, not the lift of the most probable one: a wrong model must not decide the year.
        expected = np.exp(decoded[GIVEN]) @ relation.lifts
        moved[relation.told] = log_softmax(moved[relation.told] + relation.weight * np.log(expected))
    return moved
