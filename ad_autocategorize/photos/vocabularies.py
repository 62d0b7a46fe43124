"""The values that each of the five heads may answer, and the brand of each model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADS = ("brand", "model", "body_type", "color", "year")
MISSING = -1

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class CarLabels:
    """What an ad says of its car; ``None`` where it says nothing."""

    brand: str | None = None
    model: str | None = None
    body_type: str | None = None
    color: str | None = None
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Vocabularies:
    """The values of each head, in the order of its logits.

    A model belongs to its brand: the entries of the model head are pairs, so that two brands may each have a "100".
    """

    brand: tuple[str, ...]
    model: tuple[Pair, ...]
    body_type: tuple[str, ...]
    color: tuple[str, ...]
    year: tuple[int, ...]

    @classmethod
    def of(cls, labels: Iterable[CarLabels], *, before: Vocabularies | None = None) -> Vocabularies:
        """Collect the values that occur in labels.

        Those of ``before`` keep their places, so that weights trained for them can be used again; new ones come behind them.
        """
        found: dict[str, set[Any]] = {head: set() for head in HEADS}
        for label in labels:
            for head in ("brand", "body_type", "color", "year"):
                if (value := getattr(label, head)) is not None:
                    found[head].add(value)
            if label.brand is not None and label.model is not None:
                found["model"].add((label.brand, label.model))
        kept = {head: getattr(before, head) if before else () for head in HEADS}
        return cls(**{head: (*kept[head], *sorted(found[head] - set(kept[head]))) for head in HEADS})

    @property
    def sizes(self) -> dict[str, int]:
        """The number of values of each head."""
        return {head: len(getattr(self, head)) for head in HEADS}

    def brand_of_model(self) -> IntArray:
        """Return the place of each model's brand, as int64[models]."""
        places = {brand: place for place, brand in enumerate(self.brand)}
        return np.array([places[brand] for brand, _ in self.model], dtype=np.int64)

    def compatibility(self, table: Iterable[Pair] | None = None) -> BoolArray:
        """Return which pairs are possible, as bool[brands, models]: those of ``table``, by default all that were learned."""
        allowed = set(self.model if table is None else table)
        mask = np.zeros((len(self.brand), len(self.model)), dtype=bool)
        for place, (brand, pair) in enumerate(zip(self.brand_of_model(), self.model, strict=True)):
            mask[brand, place] = pair in allowed
        return mask

    def never_seen(self, table: Iterable[Pair]) -> list[Pair]:
        """Return the pairs of the table that are not among the learned ones, so that they cannot be answered."""
        return sorted(set(table) - set(self.model))

    def encode(self, labels: Sequence[CarLabels]) -> IntArray:
        """Return the place of each label, as int64[labels, heads], ``MISSING`` where there is none."""
        places = {head: {value: place for place, value in enumerate(getattr(self, head))} for head in HEADS}
        rows = []
        for label in labels:
            values = {head: getattr(label, head) for head in HEADS}
            values["model"] = (label.brand, label.model)
            rows.append([places[head].get(values[head], MISSING) for head in HEADS])
        return np.array(rows, dtype=np.int64).reshape(-1, len(HEADS))

    def to_dict(self) -> dict[str, Any]:
        """Return the vocabularies in JSON's types."""
        return {head: [list(item) if head == "model" else item for item in getattr(self, head)] for head in HEADS}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Vocabularies:
        """Make vocabularies of what ``to_dict`` returned. Raises ``KeyError``, ``TypeError`` and ``ValueError``."""
        values: dict[str, tuple[Any, ...]] = {head: tuple(document[head]) for head in HEADS}
        values["model"] = tuple((str(brand), str(model)) for brand, model in document["model"])
        values["year"] = tuple(int(year) for year in document["year"])
        vocabularies = cls(**values)
        # Raises ``KeyError`` for a model of a brand that is not there.
        vocabularies.brand_of_model()
        return vocabularies
