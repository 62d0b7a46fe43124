"""What a training leaves beside its scorer, for an incremental one to go on from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.artifacts import pack_strings, unpack_strings
from ad_autocategorize.titles.features import Frequencies
from ad_autocategorize.titles.scorer import TitleScorer

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What all nodes of a training share.

    It stays the same in incremental trainings, all but ``waiting``, until all nodes are trained anew: a full training.

    Attributes
    ----------
    frequencies : the vocabulary.
    counted : float64[features]: 1 for the features that naive Bayes counts, 0 for others.
    temperatures : of the nodes that have one of their own, by their keys; ``common_temperature`` is that of all other nodes.
    weight_unit : what titles' weights are divided by: their mean in the last full training.
    total_weight : the sum of these weights, divided, in the last full training.
    seed : of the solvers and the samples.
    waiting : the nodes that were not trained again although ads have changed there: by their keys, how many ads have changed.
    """

    frequencies: Frequencies
    counted: Array
    temperatures: Mapping[int, float]
    common_temperature: float
    weight_unit: float
    total_weight: float
    seed: int
    waiting: Mapping[int, int] = field(default_factory=dict)

    def tensors(self) -> dict[str, Array]:
        """Return what is stored as arrays, by name."""
        known = self.frequencies
        return {
            "word_features": pack_strings(list(known.word_features)),
            "of_word_features": known.of_word_features.astype(np.int64),
            "ngrams": pack_strings(list(known.ngrams)),
            "of_ngrams": known.of_ngrams.astype(np.int64),
            "counted": self.counted.astype(np.uint8),
            "temperature_nodes": np.array(list(self.temperatures), dtype=np.int64),
            "temperatures": np.array(list(self.temperatures.values()), dtype=np.float64),
            "waiting_nodes": np.array(list(self.waiting), dtype=np.int64),
            "waiting": np.array(list(self.waiting.values()), dtype=np.int64),
        }

    def numbers(self) -> dict[str, float]:
        """Return what is stored as single numbers, by name."""
        return {
            "titles": self.frequencies.titles,
            "common_temperature": self.common_temperature,
            "weight_unit": self.weight_unit,
            "total_weight": self.total_weight,
            "seed": self.seed,
        }

    @classmethod
    def read(cls, tensors: Mapping[str, Array], numbers: Mapping[str, Any]) -> Checkpoint:
        """Make a checkpoint of what its methods ``tensors`` and ``numbers`` returned. Raises ``ValueError`` and ``KeyError``."""
        known = Frequencies(
            int(numbers["titles"]),
            unpack_strings(tensors["word_features"]),
            np.array(tensors["of_word_features"]),
            unpack_strings(tensors["ngrams"]),
            np.array(tensors["of_ngrams"]),
        )
        if len(known.word_features) != len(known.of_word_features) or len(known.ngrams) != len(known.of_ngrams):
            raise ValueError("the frequencies are not those of the vocabulary")
        if tensors["counted"].shape != (len(known.word_features) + len(known.ngrams),):
            raise ValueError("what is counted is not of the vocabulary")
        return cls(
            known,
            np.array(tensors["counted"], dtype=np.float64),
            _by_node(tensors["temperature_nodes"], tensors["temperatures"]),
            float(numbers["common_temperature"]),
            float(numbers["weight_unit"]),
            float(numbers["total_weight"]),
            int(numbers["seed"]),
            _by_node(tensors["waiting_nodes"], tensors["waiting"]),
        )


@dataclass(frozen=True, slots=True)
class Trained:
    """A scorer, and what an incremental training goes on from."""

    scorer: TitleScorer
    checkpoint: Checkpoint


def _by_node(nodes: Array, values: Array) -> dict[int, Any]:
    return dict(zip(nodes.tolist(), values.tolist(), strict=True))
