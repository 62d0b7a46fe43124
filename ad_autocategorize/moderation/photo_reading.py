"""What the photos of an ad say of its car, for the comparison with what its seller says."""

from __future__ import annotations

from typing import Any

from django.db.models.fields.files import FieldFile

from ad_autocategorize import registry
from ad_autocategorize.moderation.car_checks import PhotoAnswer
from ad_autocategorize.moderation.presentation import ad_photos
from ad_autocategorize.photos.decoding import UploadRefused, decode_upload
from ad_autocategorize.photos.vocabularies import HEADS
from ad_autocategorize.sources import get_source

# The names that an AdSource gives to the heads of the network.
FIELDS = {"brand": "brand", "model": "car_model", "body_type": "body_type", "color": "color", "year": "year"}

# A car is made out from a few photos; further ones cost time.
PHOTOS_READ = 3


def read_car_photos(ad: Any) -> PhotoAnswer:
    """Return the accepted answer for each field; empty without a car, a readable photo or a model in service."""
    predictor = registry.active_predictor()
    if predictor is None:
        return {}
    images = []
    files = [photo for photo in ad_photos(ad, get_source()) if isinstance(photo, FieldFile)]
    for photo in files[:PHOTOS_READ]:
        try:
            with photo.open("rb") as file:
                images.append(decode_upload(file))
        except (UploadRefused, OSError):
            # A photo that is missing or damaged says nothing.
            continue
    answer = predictor.predict(images, limit=1)
    if not answer.is_car:
        return {}
    accepted = {head: answer.heads[head].options[0] for head in HEADS if answer.heads[head].accepted}
    return {FIELDS[head]: (_name(option.value), option.probability) for head, option in accepted.items()}


def _name(value: Any) -> str:
    # A model is answered as a pair with its brand, which has an answer of its own.
    return str(value[1] if isinstance(value, tuple | list) else value)
