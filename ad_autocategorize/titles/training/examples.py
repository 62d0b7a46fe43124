"""Titles with the paths that they are filed at, as training takes them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.features import Contents
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.splitting import draw_sample


@dataclass(frozen=True, slots=True)
class Examples:
    """What is learned from: ``weights`` say how much each title counts, all the same for ``None``."""

    contents: Contents
    paths: list[Path]
    weights: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def part(self, chosen: NDArray[np.intp]) -> Examples:
        """Return the examples at the given positions."""
        return Examples(
            self.contents.part(chosen),
            [self.paths[position] for position in chosen.tolist()],
            None if self.weights is None else self.weights[chosen],
        )

    def sample(self, size: int, seed: int) -> Examples:
        """Return ``size`` of them drawn by chance, every category with one at least."""
        numbers = {path: number for number, path in enumerate(dict.fromkeys(self.paths))}
        labels = np.fromiter((numbers[path] for path in self.paths), dtype=np.intp, count=len(self))
        return self.part(draw_sample(labels, size, seed))


def relative_weights(weights: Sequence[float] | None, kept: Sequence[int]) -> NDArray[np.float64] | None:
    """Return the weights of the titles that are kept, one on average; ``None`` where all are equal."""
    if weights is None:
        return None
    chosen = np.asarray(weights, dtype=np.float64)[np.asarray(kept, dtype=np.intp)]
    return None if not len(chosen) or (chosen == chosen[0]).all() else np.asarray(chosen / weight_unit(weights, kept))


def weight_unit(weights: Sequence[float] | None, kept: Sequence[int]) -> float:
    """Return what the weights of the titles that are kept are divided by: their mean."""
    if weights is None or not len(kept):
        return 1.0
    chosen = np.asarray(weights, dtype=np.float64)[np.asarray(kept, dtype=np.intp)]
    # The mean of equal numbers may miss them by a rounding error.
    return float(chosen[0] if (chosen == chosen[0]).all() else chosen.mean())


def tokenize(titles: Sequence[str], settings: TitleSettings) -> tuple[list[list[str]], list[int]]:
    """Return the tokens of the titles that have any, and the positions of those titles."""
    normalize = Normalizer(settings)
    tokens = [normalize(title) for title in titles]
    kept = [index for index, words in enumerate(tokens) if words]
    return [tokens[index] for index in kept], kept
