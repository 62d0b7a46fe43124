"""What the photos of an ad say of its car, for the comparison with what its seller says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models.fields.files import FieldFile

from ad_autocategorize import registry
from ad_autocategorize.moderation.search.car_issues import PhotoAnswer
from ad_autocategorize.photos.uploads import READING_LIMITS, UploadRefused, decode_upload
from ad_autocategorize.photos.vocabularies import HEADS
from ad_autocategorize.sources.ads import ad_photos
from ad_autocategorize.sources.cars import FIELD_OF_HEAD
from ad_autocategorize.sources.registered import car_source

# A car is made out from a few photos; further ones cost time.
PHOTOS_READ = 3


@dataclass(frozen=True, slots=True)
class PhotoReading:
    """Whether an ad's photos show a car, ``None`` where they say nothing, and the accepted answer for each field."""

    is_car: bool | None = None
    fields: PhotoAnswer = field(default_factory=dict)


class PhotoReader:
    """Reads each ad's photos once, however often it is asked: a network takes its time."""

    def __init__(self) -> None:
        self._read: dict[Any, PhotoReading] = {}

    def shows_car(self, ad: Any) -> bool | None:
        """Return whether the photos show a car; ``None`` without a readable photo or a model in service."""
        return self._reading(ad).is_car

    def fields(self, ad: Any) -> PhotoAnswer:
        """Return the accepted answer for each field; empty without a car, a readable photo or a model in service."""
        return self._reading(ad).fields

    def _reading(self, ad: Any) -> PhotoReading:
        if ad.pk not in self._read:
            self._read[ad.pk] = read_photos(ad)
        return self._read[ad.pk]


def read_photos(ad: Any) -> PhotoReading:
    """Return what the model in service says of an ad's photos."""
    predictor = registry.active_predictor()
    if predictor is None:
        return PhotoReading()
    images = []
    files = [photo for photo in ad_photos(ad, car_source()) if isinstance(photo, FieldFile)]
    for photo in files[:PHOTOS_READ]:
        try:
            with photo.open("rb") as file:
                images.append(decode_upload(file, READING_LIMITS))
        except (UploadRefused, OSError):
            # A photo that is missing or damaged says nothing.
            continue
    if not images:
        return PhotoReading()
    answer = predictor.predict(images, limit=1)
    if not answer.is_car:
        return PhotoReading(False)
    accepted = {head: answer.heads[head].options[0] for head in HEADS if answer.heads[head].accepted}
    fields = {FIELD_OF_HEAD[head]: (_name(option.value), option.probability) for head, option in accepted.items()}
    return PhotoReading(True, fields)


def _name(value: Any) -> str:
    # A model is answered as a pair with its brand, which has an answer of its own.
    return str(value[1] if isinstance(value, tuple | list) else value)
