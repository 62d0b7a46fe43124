"""Photos as a request brings them: decoded, or refused in the language of whoever sent them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from ad_autocategorize.photos.uploads import (
    DEFAULT_LIMITS,
    READING_LIMITS,
    Budget,
    RefusalCode,
    UploadLimits,
    UploadRefused,
    decode_upload,
)
from ad_autocategorize.photos.uploads.limits import MOST_PHOTOS

if TYPE_CHECKING:
    from django.core.files import File
    from django.utils.functional import _StrPromise
    from PIL.Image import Image

# ``photos`` knows no Django, and so no gettext.
_MESSAGES: dict[RefusalCode, _StrPromise] = {
    "empty": _("The file is empty."),
    "too_large": _("The photo is larger than %(size)d MB."),
    "unknown_format": _("This is not a JPEG, PNG or WebP photo."),
    "heic": _("HEIC photos cannot be read here. Send it as a JPEG (iPhone: Camera, Formats, Most Compatible)."),
    "avif": _("AVIF photos cannot be read here. Send it as a JPEG."),
    "too_many_pixels": _("The photo has too many pixels."),
    "animated": _("This is an animation; choose a photo."),
    "too_slow": _("The photo takes too long to read."),
    "metadata": _("The photo holds more EXIF data than a camera writes. Save it without metadata, and send that."),
    "damaged": _("The photo is damaged."),
    "unavailable": _("Photos cannot be read here."),
}


def read_uploads(files: Sequence[File[bytes]]) -> tuple[list[Image], UploadRefused | None]:
    """Return the photos of one ad, decoded as far as a network looks, and why the first of those refused was.

    They share the CPU time of one request: those that come when it is spent are refused as too slow.
    """
    photos, refusals, budget = [], [], Budget()
    for file in files[:MOST_PHOTOS]:
        try:
            photos.append(decode_upload(file.open(), READING_LIMITS, budget))
        except UploadRefused as refused:
            refusals.append(refused)
    return photos, refusals[0] if refusals else None


def explain(refused: UploadRefused, limits: UploadLimits = DEFAULT_LIMITS) -> str:
    """Return the refusal in the language of the request."""
    return str(_MESSAGES[refused.code]) % {"size": limits.max_bytes // 1024**2}
