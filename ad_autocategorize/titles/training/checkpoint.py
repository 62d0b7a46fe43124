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
    """What all nodes of a training have in common, and does not change until all of them are trained anew.

    Attributes
    ----------
    frequencies : the vocabulary; ``counted``, float64[features], is 1 for the features that naive Bayes counts.
    temperatures : of nodes, by their keys; ``common_temperature`` is that of all others.
    weight_unit : titles' weights are divided by it: their mean in the training that all nodes had part in.
    total_weight : what all its titles counted together, so divided.
    seed : of the solvers and the samples.
    waiting : by the keys of nodes that were not trained again although ads have changed there, how many these are.
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
        """Return the parts that are arrays."""
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
        """Return the parts that are single numbers."""
        return {
            "titles": self.frequencies.titles,
            "common_temperature": self.common_temperature,
            "weight_unit": self.weight_unit,
            "total_weight": self.total_weight,
            "seed": self.seed,
        }

    @classmethod
    def read(cls, tensors: Mapping[str, Array], numbers: Mapping[str, Any]) -> Checkpoint:
        """Read what ``tensors`` and ``numbers`` returned. Raises ``ValueError`` and ``KeyError``."""
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
