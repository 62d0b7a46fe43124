"""Pictures of any mode as plain RGB; Pillow alone."""

from __future__ import annotations

import io

from PIL import Image, ImageCms

# Larger profiles are ignored. Those of displays and cameras take a few kilobytes; those with large tables are of printers,
# which do not describe RGB pictures.
_LARGEST_PROFILE = 1024 * 1024


def with_eight_bits(photo: Image.Image) -> Image.Image:
    """Return a photo as RGB or RGBA, whatever its samples: 1 or 16 bits, gray, palette, CMYK."""
    if photo.mode.startswith("I"):
        # Pillow would clip 16 bits at 255 instead of scaling them.
        return photo.point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    wanted = "RGBA" if photo.has_transparency_data else "RGB"
    # Not copied if it has the mode already: a copy of a large picture would double the memory it takes.
    return photo if photo.mode == wanted else photo.convert(wanted)


def on_white(photo: Image.Image) -> Image.Image:
    """Return an RGB or RGBA photo as RGB, white where it was transparent."""
    if photo.mode == "RGB":
        return photo
    white = Image.new("RGB", photo.size, "white")
    white.paste(photo, mask=photo.getchannel("A"))
    return white


def in_srgb(photo: Image.Image, profile: bytes | None) -> Image.Image:
    """Return an RGB photo in the colors of sRGB, converted from those of its embedded ICC profile.

    A profile that cannot be read or is not of RGB colors has no effect, as in viewers.
    """
    if not profile or len(profile) > _LARGEST_PROFILE:
        return photo
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        described = source.profile.profile_description or ""
        if source.profile.xcolor_space.strip() != "RGB" or "sRGB" in described:
            return photo
        converted = ImageCms.profileToProfile(
            photo, source, ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return photo
    return photo if converted is None else converted
