"""Which ads are doubted, and how much: by their titles, and by photos where both speak.

A category whose ads name cars expects a photo of a car; a category whose ads never do expects none. A photo that says the
opposite is evidence against the label, one that says the same is evidence for it, on the scale of the titles' own odds.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.models import LabelIssue
from ad_autocategorize.moderation.cars.stated import car_ads, stated_fields
from ad_autocategorize.sources import AdSource, LabelledTitle
from ad_autocategorize.sources.cars import CAR_FIELDS
from ad_autocategorize.titles.hierarchy import parting_level

if TYPE_CHECKING:
    from ad_autocategorize.titles.label_errors.mislabels import LabelQuality
    from ad_autocategorize.titles.label_errors.out_of_fold import FoldScores

# Thresholds on the share of a category's ads that have car fields. From CARS_FROM on it is a category of cars, up to
# NO_CARS_TO it is not. In between it is mixed, and photos are no evidence.
CARS_FROM, NO_CARS_TO = 0.5, 0.1
# The photo of an ad elsewhere is read if the title gives categories of cars at least this probability.
LEAST_TITLE_PROBABILITY = 0.1
# Logarithm of how much more often a photo contradicts a wrong label than a right one.
PHOTO_EVIDENCE = 2.0

# Minus a side is the opposite side.
CARS, MIXED, NO_CARS = 1, 0, -1
Kind = LabelIssue.Kind
# Answers whether an ad's photos show a car; ``None`` where they say nothing.
ShowsCar = Callable[[Any], bool | None]


@dataclass(frozen=True, slots=True)
class Doubt:
    """An ad, by its position, that may belong elsewhere; ``suggested`` is a position among the categories."""

    row: int
    suggested: int
    level: int
    kind: str
    score: float


def title_doubts(quality: LabelQuality) -> list[Doubt]:
    """Return the ads whose titles suggest another category, the surest errors first."""
    return [
        Doubt(row, int(quality.suggested[row]), int(quality.level[row]), _kind(quality, row), float(quality.score[row]))
        for row in quality.candidates().tolist()
    ]


def _kind(quality: LabelQuality, row: int) -> str:
    if quality.depth_only[row]:
        return Kind.DEPTH
    return Kind.AMBIGUOUS if quality.ambiguous[row] else Kind.ERROR


def with_photos(
    doubts: Sequence[Doubt],
    ads: Sequence[LabelledTitle],
    scores: FoldScores,
    quality: LabelQuality,
    source: AdSource,
    shows_car: ShowsCar,
    active: Container[int],
) -> list[Doubt]:
    """Return the doubts in a new order: photos strengthen or weaken those of titles, and raise some of their own.

    ``active`` are the categories in use; photos suggest no other.
    """
    if not source.photos or not any(getattr(source, name) for name in CAR_FIELDS):
        return list(doubts)
    rows = {ad.ad_id: row for row, ad in enumerate(ads)}
    side = _sides(source, rows, scores)
    suggestible = np.array([path[-1] in active for path in scores.categories])
    verdicts = _look(source, rows, _worth_a_look(side, scores), shows_car)
    found = {doubt.row: doubt for doubt in doubts}
    for row, shows_a_car in verdicts.items():
        given_side = side[scores.given[row]]
        doubt = found.get(row)
        if shows_a_car != (given_side == CARS):
            # The photo contradicts the label.
            if doubt is None:
                doubt = _own_doubt(row, side, suggestible, scores, quality)
            if doubt is not None:
                found[row] = replace(doubt, score=doubt.score + PHOTO_EVIDENCE)
        elif doubt is not None and side[doubt.suggested] == -given_side:
            # The photo supports the label, against a suggestion on the other side.
            found[row] = replace(doubt, score=doubt.score - PHOTO_EVIDENCE)
    return sorted(found.values(), key=lambda doubt: -doubt.score)


def _sides(source: AdSource, rows: Mapping[Any, int], scores: FoldScores) -> NDArray[np.int8]:
    """Return for each category whether its ads name cars: ``CARS``, ``NO_CARS`` or ``MIXED``."""
    size = len(scores.categories)
    named = [rows[ad.pk] for ad in car_ads(source) if ad.pk in rows and any(stated_fields(source, ad).values())]
    share = np.bincount(scores.given[named], minlength=size) / np.bincount(scores.given, minlength=size)
    return np.where(share >= CARS_FROM, CARS, np.where(share <= NO_CARS_TO, NO_CARS, MIXED)).astype(np.int8)


def _worth_a_look(side: NDArray[np.int8], scores: FoldScores) -> set[int]:
    """Return the ads filed among cars, and those filed away from them whose titles speak of cars."""
    filed = side[scores.given]
    of_cars = scores.probabilities[:, side == CARS].sum(axis=1)
    return set(np.flatnonzero((filed == CARS) | ((filed == NO_CARS) & (of_cars >= LEAST_TITLE_PROBABILITY))).tolist())


def _look(source: AdSource, rows: Mapping[Any, int], wanted: set[int], shows_car: ShowsCar) -> dict[int, bool]:
    """Return what the photos of the wanted ads say, where they say anything."""
    chosen = (ad for ad in car_ads(source) if rows.get(ad.pk) in wanted)
    answers = {rows[ad.pk]: shows_car(ad) for ad in chosen}
    return {row: answer for row, answer in answers.items() if answer is not None}


def _own_doubt(
    row: int, side: NDArray[np.int8], suggestible: NDArray[np.bool_], scores: FoldScores, quality: LabelQuality
) -> Doubt | None:
    """Return the doubt that a photo raises alone: the category of the other side that the title likes best."""
    given = int(scores.given[row])
    other = np.flatnonzero((side == -side[given]) & suggestible)
    if not len(other):
        return None
    suggested = int(other[scores.probabilities[row, other].argmax()])
    return Doubt(
        row,
        suggested,
        parting_level(scores.categories[given], scores.categories[suggested]),
        Kind.PHOTO,
        float(quality.score[row]),
    )
