"""The upload door: turns a file that a stranger sent into an upright RGB picture without metadata, or refuses it.

Everything that can be known from the header is checked before a pixel is decoded, only the decoder of the format that
the first bytes announce is run, and JPEGs are decoded at the size that is wanted rather than at their own.
"""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Literal

from PIL import Image, ImageFile

from ad_autocategorize.photos.preprocessing import on_white, with_eight_bits

RefusalCode = Literal[
    "empty", "too_large", "unknown_format", "heic", "too_many_pixels", "animated", "too_slow", "damaged"
]

_MEBIBYTE = 1024 * 1024
_READ_SIZE = 64 * 1024
_ORIENTATION_TAG = 0x0112
# EXIF's eight orientations, and what undoes them; 1 is upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1")


class UploadRefused(Exception):
    """The file is not taken: ``code`` is for programs, the message for people."""

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code: RefusalCode = code
        self.message = message


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What a file may cost.

    Parameters
    ----------
    max_bytes
        Size of the file.
    max_pixels
        Width times height of a picture that must be decoded in full.
    max_scaled_pixels
        The same for a JPEG of one scan, which is decoded at an eighth to the whole of its size; large phone cameras need it.
    max_frames
        Pictures in a file; more of them make an animation.
    max_scans
        Passes over a progressive JPEG: a few bytes each in the file, and the whole picture each to the decoder.
    max_seconds
        CPU time of the decoding thread, looked at whenever the decoder asks for more of the file.
    longest_side
        The result is scaled down to this many pixels, never up.
    """

    max_bytes: int = 20 * _MEBIBYTE
    max_pixels: int = 25_000_000
    max_scaled_pixels: int = 110_000_000
    max_frames: int = 1
    max_scans: int = 40
    max_seconds: float = 2.0
    longest_side: int = 1600


DEFAULT_LIMITS = UploadLimits()
# For pictures that are shown to a network alone, whose input is smaller still.
READING_LIMITS = UploadLimits(longest_side=640)


def decode_upload(file: IO[bytes], limits: UploadLimits = DEFAULT_LIMITS) -> Image.Image:
    """Return the picture in RGB, upright, on white where it was transparent, and without any metadata.

    The file's name and declared type play no part: the content decides. What follows the picture in the file (a ZIP
    archive, say) is ignored, and not part of the result.

    Parameters
    ----------
    file
        Open for reading; read from where it stands, up to ``limits.max_bytes``.
    limits
        What the file may cost.

    Raises
    ------
    UploadRefused
        For anything that is not one JPEG, PNG or WebP picture (HEIC where pillow-heif is installed) within the limits.
    """
    data = file.read(limits.max_bytes + 1)
    if not data:
        raise UploadRefused("empty", "The file is empty.")
    if len(data) > limits.max_bytes:
        raise UploadRefused("too_large", f"The photo is larger than {limits.max_bytes // _MEBIBYTE} MB.")
    open_image = _opener(data)
    try:
        with open_image(_TimedReader(data, limits.max_seconds)) as image:
            _check_header(image, data, limits)
            return _decode(image, limits.longest_side)
    except UploadRefused:
        raise
    except Image.DecompressionBombError as error:
        raise UploadRefused("too_many_pixels", "The photo has too many pixels.") from error
    except Exception as error:  # Decoders fail in many ways on files made to harm; none of them is a photo.
        raise UploadRefused("damaged", "The photo is damaged.") from error


def _opener(data: bytes) -> Callable[[IO[bytes]], ImageFile.ImageFile]:
    """Return what opens this kind of file, and nothing else; by the first bytes alone."""
    if data.startswith(b"\xff\xd8\xff"):
        kind = "JPEG"
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        kind = "PNG"
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        kind = "WEBP"
    elif data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return _heic_opener()
    else:
        raise UploadRefused("unknown_format", "This is not a JPEG, PNG or WebP photo.")
    return lambda reader: Image.open(reader, formats=(kind,))


def _heic_opener() -> Callable[[IO[bytes]], ImageFile.ImageFile]:
    try:
        # The class itself: registering it would make every picture field of the site take HEIC.
        from pillow_heif import HeifImageFile
    except ImportError:
        message = "HEIC photos cannot be read here. Send it as a JPEG (iPhone: Camera > Formats > Most Compatible)."
        raise UploadRefused("heic", message) from None
    return HeifImageFile


class _TimedReader(io.BytesIO):
    """Hands out the file until the thread has used up its CPU time; waiting for other processes does not count."""

    def __init__(self, data: bytes, seconds: float) -> None:
        super().__init__(data)
        self._deadline = time.thread_time() + seconds

    def read(self, size: int | None = -1, /) -> bytes:
        if time.thread_time() > self._deadline:
            raise UploadRefused("too_slow", "The photo takes too long to read.")
        return super().read(size)


def _check_header(image: ImageFile.ImageFile, data: bytes, limits: UploadLimits) -> None:
    """Refuse a picture that would cost too much, before anything of it is decoded."""
    is_jpeg = image.format in ("JPEG", "MPO")
    scans = _scan_count(data) if is_jpeg else 0
    if scans > limits.max_scans:
        raise UploadRefused("too_slow", "The photo takes too long to read.")
    # A JPEG of several scans is held in memory whole, whatever size is asked for.
    highest = limits.max_scaled_pixels if scans == 1 else limits.max_pixels
    if image.width * image.height > highest:
        raise UploadRefused("too_many_pixels", "The photo has too many pixels.")
    # Further pictures in a JPEG are previews and depth maps of the camera's; they are not decoded.
    if not is_jpeg and getattr(image, "n_frames", 1) > limits.max_frames:
        raise UploadRefused("animated", "This is an animation; choose a photo.")


def _scan_count(data: bytes) -> int:
    """Return the number of scans of the first picture in a JPEG file: a pass of the decoder each."""
    position, scans = 2, 0
    while position + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, position)
        if marker == 0xFFD9:
            break
        if marker >> 8 != 0xFF:
            # Inside a scan's data, where 0xFF is followed by 0x00 or a restart marker.
            position = _next_marker(data, position)
            continue
        if marker & 0xFF in (0x00, 0xFF) or 0xD0 <= marker & 0xFF <= 0xD7:
            position = _next_marker(data, position + 1)
            continue
        scans += marker == 0xFFDA
        position += 2 + length
    return scans


def _next_marker(data: bytes, position: int) -> int:
    found = data.find(b"\xff", position)
    return len(data) if found < 0 else found


def _decode(image: ImageFile.ImageFile, longest_side: int) -> Image.Image:
    # Only JPEG can be read at a fraction of its size; the others take no notice. In the picture's own proportions: a square
    # would ask for more than is wanted of its shorter side, and decode the whole of it.
    share = longest_side / max(image.size)
    image.draft("RGB", (max(1, int(image.width * share)), max(1, int(image.height * share))))
    image.load()
    orientation = image.getexif().get(_ORIENTATION_TAG)
    picture = with_eight_bits(image)
    # Scaled first, so that what follows works on a small picture.
    picture.thumbnail((longest_side, longest_side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    picture = on_white(picture)
    if orientation in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[orientation])
    # A picture of our own: not a byte of what the camera or an attacker wrote beside the pixels comes along.
    clean = Image.new("RGB", picture.size)
    clean.paste(picture)
    return clean
