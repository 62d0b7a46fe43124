"""What the upload door says to people, in their language: ``photos`` knows no Django, and so no gettext."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from ad_autocategorize.photos.decoding import DEFAULT_LIMITS, RefusalCode, UploadLimits, UploadRefused

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_MESSAGES: dict[RefusalCode, _StrPromise] = {
    "empty": _("The file is empty."),
    "too_large": _("The photo is larger than %(size)d MB."),
    "unknown_format": _("This is not a JPEG, PNG or WebP photo."),
    "heic": _("HEIC photos cannot be read here. Send it as a JPEG (iPhone: Camera, Formats, Most Compatible)."),
    "too_many_pixels": _("The photo has too many pixels."),
    "animated": _("This is an animation; choose a photo."),
    "too_slow": _("The photo takes too long to read."),
    "damaged": _("The photo is damaged."),
}


def explain(refused: UploadRefused, limits: UploadLimits = DEFAULT_LIMITS) -> str:
    """Return the refusal in the language of the request."""
    return str(_MESSAGES[refused.code]) % {"size": limits.max_bytes // 1024**2}
