"""Sellers' photos: checked, turned upright, scaled down, and stored without what the camera wrote into them."""

from __future__ import annotations

import io
import secrets
import warnings

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 40_000_000
LONGEST_SIDE = 1280
QUALITY = 85


def clean_photo(upload: UploadedFile) -> ContentFile[bytes]:
    """Return the photo as a new JPEG under a name of our own. Raises ``ValidationError`` for what is no photo."""
    if (upload.size or 0) > MAX_BYTES:
        raise ValidationError(_("The photo is larger than %(size)d MB.") % {"size": MAX_BYTES // 1024**2})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(upload, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise ValidationError(_("The photo has too many pixels."))
                image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
                upright = _on_white(ImageOps.exif_transpose(image))
    except ValidationError:
        raise
    except Exception as error:  # Decoders fail in many ways on files made to harm; none of them is a photo.
        raise ValidationError(_("This is not a JPEG, PNG or WebP photo, or it is damaged.")) from error
    # Pillow would write a comment of the original into the copy.
    upright.info.clear()
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    buffer = io.BytesIO()
    upright.save(buffer, "JPEG", quality=QUALITY)
    return ContentFile(buffer.getvalue(), name=f"{secrets.token_hex(8)}.jpg")


def _on_white(image: Image.Image) -> Image.Image:
    """Return the picture in RGB, white where it was transparent."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert("RGB")
