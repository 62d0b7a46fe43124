"""Ads with several categories: each is judged beside the others, none of which can be a better suggestion."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.sources import LabelledTitle

if TYPE_CHECKING:
    from ad_autocategorize.titles.label_errors.out_of_fold import FoldScores


def keep_together(ads: Sequence[LabelledTitle], groups: Sequence[Hashable | None] | None) -> list[Hashable | None]:
    """Return the groups with the rows of one ad in one fold: a model that saw its title has learned the other category."""
    given = groups if groups is not None else [None] * len(ads)
    return [("ad", ad.ad_id) if ad.others else group for ad, group in zip(ads, given, strict=True)]


def without_others(ads: Sequence[LabelledTitle], scores: FoldScores) -> NDArray[np.float32]:
    """Return the probabilities, float32[titles, categories], of those that an ad does not have beside the given one."""
    columns = {path[-1]: column for column, path in enumerate(scores.categories)}
    probabilities = scores.probabilities.copy()
    for row, ad in enumerate(ads):
        others = [columns[pk] for pk in ad.others if pk in columns]
        probabilities[row, others] = 0
        left = probabilities[row].sum()
        if others and left > 0:
            probabilities[row] /= left
    return probabilities
