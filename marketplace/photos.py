"""Sellers' photos: let in by the plugin's upload door, and stored without what the camera wrote into them."""

from __future__ import annotations

import io
import secrets

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile

from ad_autocategorize.photo_uploads import explain
from ad_autocategorize.photos.uploads import Budget, UploadLimits, UploadRefused, decode_upload

LIMITS = UploadLimits(longest_side=1280)
QUALITY = 85


def clean_photo(upload: UploadedFile, budget: Budget | None = None) -> ContentFile[bytes]:
    """Return the photo as a new JPEG under a name of our own; ``budget`` is what the photos of one form share.

    Raises ``ValidationError`` for what is no photo.
    """
    try:
        photo = decode_upload(upload.open(), LIMITS, budget)
    except UploadRefused as refused:
        raise ValidationError(explain(refused, LIMITS), code=refused.code) from refused
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=QUALITY)
    return ContentFile(buffer.getvalue(), name=f"{secrets.token_hex(8)}.jpg")
