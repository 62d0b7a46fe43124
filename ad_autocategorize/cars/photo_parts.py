"""The photos of a training, parted into those learned from, those that rules are chosen by, and the hold-out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.cars.catalog import table_of_today
from ad_autocategorize.photos.settings import PhotoSettings
from ad_autocategorize.photos.training.images import PhotoRecord, Skipped
from ad_autocategorize.photos.vocabularies import BoolArray, Vocabularies

if TYPE_CHECKING:
    from ad_autocategorize.photos.training.dataset import PhotoSet

# Shares of the photos: rules are chosen on the one, and figures taken on the other.
VALIDATION, HOLD_OUT = 0.1, 0.1
# So many photos are wanted to choose a threshold by: of few photos a larger share, but a quarter at most.
WANTED, MOST_VALIDATION = 150, 0.25
FEWEST_PHOTOS = 20


class TooFewPhotos(ValueError):
    """There is not enough to learn from; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class PhotoParts:
    """The photos of a training, parted.

    Attributes
    ----------
    vocabularies, table : what the heads answer, and which pairs of brand and model exist today.
    train, validation : what is learned from, and what rules are chosen by.
    zoomed : reads a part anew, "validation" or "hold_out", with the preprocessing of serving and a zoom.
    cars, hold_out : the readable photos of cars, and those of them that figures are taken on.
    skipped : the photos left out.
    groups : how many sellers or ads the photos of cars are of.
    others_learned : whether photos of other things are learned from.
    """

    vocabularies: Vocabularies
    table: BoolArray
    train: PhotoSet
    validation: PhotoSet
    zoomed: Callable[[str, float], PhotoSet]
    cars: list[PhotoRecord]
    hold_out: list[PhotoRecord]
    skipped: Skipped
    groups: int
    others_learned: bool


def prepare_photos(
    records: list[PhotoRecord],
    settings: PhotoSettings,
    work: Path,
    before: Vocabularies | None,
    begun: Vocabularies | None,
) -> PhotoParts:
    """Pack and part the photos; the heads are those of ``begun``, or else those of ``before`` and what is new.

    Raises ``TooFewPhotos``, ``OSError``.
    """
    from ad_autocategorize.photos.training.dataset import PhotoSet
    from ad_autocategorize.photos.training.images import pack_photos
    from ad_autocategorize.photos.training.splitting import split_places

    packed = pack_photos(records, work / "cache", settings.height, settings.width)
    cars = [record for record in packed.records if record.is_car]
    if len(cars) < FEWEST_PHOTOS:
        raise TooFewPhotos(
            f"There are {len(cars)} readable photos of ads with a brand; {FEWEST_PHOTOS} are the least to learn from."
        )
    vocabularies = begun or Vocabularies.of((record.labels for record in cars), before=before)
    shows_car: BoolArray = np.array([record.is_car for record in packed.records])
    chosen = _set_aside(split_places(packed), shows_car, _validation_share(settings, len(cars)))
    kept = {name: list(compress(packed.records, part)) for name, part in chosen.items()}

    def zoomed(part: str, zoom: float) -> PhotoSet:
        return PhotoSet.of(pack_photos(kept[part], work / "cache", settings.height, settings.width, zoom), vocabularies)

    learned = ~(chosen["validation"] | chosen["hold_out"])
    photos = PhotoSet.of(packed, vocabularies)
    return PhotoParts(
        vocabularies,
        table_of_today(vocabularies),
        photos.subset(learned),
        photos.subset(chosen["validation"]),
        zoomed,
        cars=cars,
        hold_out=kept["hold_out"],
        skipped=packed.skipped,
        groups=len({record.group for record in cars}),
        others_learned=bool((learned & ~shows_car).any()),
    )


def _validation_share(settings: PhotoSettings, cars: int) -> float:
    """Return which share of the photos rules are chosen by."""
    from ad_autocategorize.photos.training.fitting import is_frozen

    if is_frozen(settings, cars):
        # With a frozen backbone thresholds are chosen on the training photos, out of fold: a small validation part will do.
        return VALIDATION
    return min(MOST_VALIDATION, max(VALIDATION, WANTED / cars))


def _set_aside(places: NDArray[np.float64], shows_car: BoolArray, validation: float) -> dict[str, BoolArray]:
    """Return which photos are in the validation part and in the hold-out; both are of cars alone. Shape (photos,)."""
    return {
        "validation": (places < validation) & shows_car,
        "hold_out": (places >= validation) & (places < validation + HOLD_OUT) & shows_car,
    }
