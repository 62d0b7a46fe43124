"""What an upload may cost, and how a file is refused. Knows neither Pillow nor Django."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RefusalCode = Literal[
    "empty",
    "too_large",
    "unknown_format",
    "heic",
    "avif",
    "too_many_pixels",
    "animated",
    "too_slow",
    "metadata",
    "damaged",
    "unavailable",
]

MEBIBYTE = 1024 * 1024
# Of an ad only so many photos are read, the first ones: sellers put the best first.
MOST_PHOTOS = 6

# English, for logs and for programs; ``photo_uploads`` has them in the language of the request.
MESSAGES: dict[RefusalCode, str] = {
    "empty": "The file is empty.",
    "too_large": "The photo is larger than {size} MB.",
    "unknown_format": "This is not a JPEG, PNG or WebP photo.",
    "heic": "HEIC photos cannot be read here. Send it as a JPEG (iPhone: Camera > Formats > Most Compatible).",
    "avif": "AVIF photos cannot be read here. Send it as a JPEG.",
    "too_many_pixels": "The photo has too many pixels.",
    "animated": "This is an animation; choose a photo.",
    "too_slow": "The photo takes too long to read.",
    "metadata": "The photo holds more EXIF data than a camera writes. Save it without metadata, and send that.",
    "damaged": "The photo is damaged.",
    "unavailable": "Photos cannot be read here.",
}


class UploadRefused(Exception):
    """The file is refused. ``code`` is for programs, the message for people; ``seconds`` is the CPU time that it took."""

    def __init__(self, code: RefusalCode, *, size: int = 0, seconds: float = 0.0) -> None:
        self.code: RefusalCode = code
        self.seconds = seconds
        self.message = MESSAGES[code].format(size=size)
        super().__init__(self.message)


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What a file may cost.

    Pictures of the largest numbers of pixels take up to 300 MB to decode, in each format, as measured by
    ``benchmarks.largest_uploads``.

    Attributes
    ----------
    max_bytes : the size of the file.
    max_side : the width or height in pixels.
    max_pixels : width times height of a PNG, and of a JPEG that is held in memory as a whole: progressive, or of several scans.
    max_scaled_pixels : the same for a sequential JPEG of one scan, which can be decoded at a fraction of its size. Phones with
    large
        cameras write such.
    max_webp_pixels : the same for WebP, whose decoder holds four copies.
    max_heic_pixels : the same for HEIC; phones write 48 million pixels.
    max_scans : the scans of a JPEG. Each may be a few bytes of the file, and takes the decoder a pass over the whole picture.
    max_exif_bytes : EXIF data. A segment of a JPEG holds 64 KB with the preview; some editors write several.
    max_exif_tags : the entries in the first directory of the EXIF data; cameras write some twenty.
    max_seconds : CPU time. A HEIC of 48 million pixels takes 1 to 2.5 seconds, other photos a tenth of that.
    longest_side : the result is scaled down to this many pixels, never up.
    """

    max_bytes: int = 20 * MEBIBYTE
    max_side: int = 30_000
    max_pixels: int = 25_000_000
    max_scaled_pixels: int = 110_000_000
    max_webp_pixels: int = 13_000_000
    max_heic_pixels: int = 50_000_000
    max_scans: int = 40
    max_exif_bytes: int = 512 * 1024
    max_exif_tags: int = 1_000
    max_seconds: float = 2.5
    longest_side: int = 1600


DEFAULT_LIMITS = UploadLimits()
# For pictures that only a network sees, whose input is smaller still.
READING_LIMITS = UploadLimits(longest_side=640)


class Budget:
    """CPU time that the photos of one request share; once it is spent, the rest are refused as too slow."""

    def __init__(self, seconds: float = 3.0) -> None:
        self.left = seconds

    def allowance(self, limits: UploadLimits) -> float:
        """Return the seconds that the next photo may take. Raises ``UploadRefused`` if none are left."""
        if self.left <= 0:
            raise UploadRefused("too_slow")
        return min(self.left, limits.max_seconds)

    def spend(self, seconds: float) -> None:
        """Subtract the seconds that a photo took."""
        self.left -= seconds
