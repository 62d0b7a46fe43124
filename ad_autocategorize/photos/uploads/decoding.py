"""From a file's bytes to an upright RGB picture without metadata, in the process that calls it.

It runs in the decoding process (see ``worker``), whose memory and time the operating system limits. If there is none, it runs in
the web process, bounded only by the limits that are checked here.
"""

from __future__ import annotations

import io
import time
from typing import Any

from PIL import Image, ImageFile

from ad_autocategorize.photos.uploads.headers import Header, check_exif, check_header, read_header
from ad_autocategorize.photos.uploads.limits import UploadLimits, UploadRefused
from ad_autocategorize.photos.uploads.pixels import in_srgb, on_white, with_eight_bits

_ORIENTATION_TAG = 0x0112
# How to turn a picture of each EXIF orientation upright; 1 is upright already.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# How many bytes the decoder reads at a time; the CPU time is checked between reads. Of a JPEG of several scans fewer: a
# kilobyte can hold a hundred empty scans, each of which takes a pass over the whole picture.
_BLOCK = 16 * 1024
_BLOCK_OF_SCANS = 1024
# The colors that libjpeg fills in for missing data: the middle of the range, rounded up or down.
_BLANK = ((128, 128, 128), (127, 127, 127))
_END_OF_JPEG = b"\xff\xd9"


def decode(data: bytes, limits: UploadLimits, seconds: float) -> Image.Image:
    """Return the picture in RGB. Raises ``UploadRefused`` for anything that is not one picture within the limits."""
    header = read_header(data)
    check_header(header, limits)
    try:
        return _decode_heic(data, limits) if header.kind == "HEIF" else _decode(data, header, limits, seconds)
    except UploadRefused:
        raise
    except (Image.DecompressionBombError, MemoryError) as error:
        raise UploadRefused("too_many_pixels") from error
    except Exception as error:  # Decoders fail in many ways on files made to harm; none of them is a photo.
        raise UploadRefused("damaged") from error


class _TimedReader(io.BytesIO):
    """A file that can be read until the thread has used up its CPU time; waiting for other processes does not count."""

    def __init__(self, data: bytes, seconds: float) -> None:
        super().__init__(data)
        self._deadline = time.thread_time() + seconds

    def read(self, size: int | None = -1, /) -> bytes:
        if time.thread_time() > self._deadline:
            raise UploadRefused("too_slow")
        return super().read(size)


def _decode(data: bytes, header: Header, limits: UploadLimits, seconds: float) -> Image.Image:
    if not header.ends:
        data += _END_OF_JPEG
    with Image.open(_TimedReader(data, seconds), formats=(header.kind,)) as image:
        if image.width * image.height > max(header.width * header.height, 1):
            # Pillow finds another size than the header that was checked: the file was made to have both.
            raise UploadRefused("damaged")
        # Further pictures in a JPEG are a camera's previews and depth maps, which are not decoded. In other formats they are
        # animations.
        if header.kind != "JPEG" and getattr(image, "n_frames", 1) > 1:
            raise UploadRefused("animated")
        _load(image, header, limits.longest_side)
        if not header.ends and _is_cut_short(image):
            raise UploadRefused("damaged")
        check_exif(image.info.get("exif", b""), limits)
        orientation = _orientation(image)
        profile = image.info.get("icc_profile")
        return _finish(with_eight_bits(image), limits.longest_side, profile, orientation)


def _load(image: ImageFile.ImageFile, header: Header, longest_side: int) -> None:
    # A JPEG can be decoded at a fraction of its size; in other formats this has no effect. Pillow takes the smallest size of
    # which neither side is below the asked one: asked for a square, it would decode a long picture in full.
    share = longest_side / max(image.size)
    image.draft("RGB", (max(1, int(image.width * share)), max(1, int(image.height * share))))
    image.decodermaxblock = _BLOCK if header.scans == 1 else _BLOCK_OF_SCANS
    image.load()


def _orientation(image: Image.Image) -> object:
    """Return the EXIF orientation; ``None`` if there is none, or the EXIF data cannot be read."""
    try:
        return image.getexif().get(_ORIENTATION_TAG)
    except Exception:  # Pillow raises a dozen kinds for broken EXIF data, which viewers ignore.
        return None


def _is_cut_short(image: Image.Image) -> bool:
    """Return whether a JPEG without an end marker lacks picture data too, so that its last pixel was filled in by libjpeg."""
    last = image.crop((image.width - 1, image.height - 1, image.width, image.height))
    return last.convert("RGB").getpixel((0, 0)) in _BLANK


def _decode_heic(data: bytes, limits: UploadLimits) -> Image.Image:
    try:
        # Not the package's plugin for Pillow: once registered, it would make every image field of the site accept HEIC.
        from pillow_heif import open_heif
    except ImportError:
        raise UploadRefused("heic") from None
    heif = open_heif(io.BytesIO(data))
    # Further pictures are the other eye's, a burst's or a depth map; the primary one is the photo.
    image: Any = heif[heif.primary_index]
    width, height = image.size
    check_header(Header("HEIF", width, height), limits)
    profile = image.info.get("icc_profile")
    # Without an orientation: the decoder has turned it upright.
    return _finish(_shrink(image, limits.longest_side), limits.longest_side, profile, None)


def _shrink(image: Any, longest_side: int) -> Image.Image:
    """Return a decoded HEIC reduced by the largest integer that leaves twice the wanted side or more.

    One strip after the other, since a copy of the whole picture would double the memory that it takes.
    """
    pixels, mode, stride = memoryview(image.data), image.mode, image.stride
    width, height = image.size
    factor = max(1, int(max(width, height) / (2 * longest_side)))
    if mode not in ("L", "RGB", "RGBA"):
        return with_eight_bits(image.to_pillow())
    small = Image.new(mode, (-(-width // factor), -(-height // factor)))
    rows = 32 * factor
    for top in range(0, height, rows):
        count = min(rows, height - top)
        strip: Any = pixels[top * stride : (top + count) * stride]
        part = Image.frombuffer(mode, (width, count), strip, "raw", mode, stride, 1)
        small.paste(part.reduce(factor), (0, top // factor))
    return with_eight_bits(small)


def _finish(picture: Image.Image, longest_side: int, profile: bytes | None, orientation: object) -> Image.Image:
    """Return a picture scaled down, in sRGB, upright, and without metadata."""
    # Scaled first, so that the other steps work on a small picture.
    picture.thumbnail((longest_side, longest_side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    picture = in_srgb(on_white(picture), profile)
    if isinstance(orientation, int) and orientation in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[orientation])
    # A new picture takes over nothing but the pixels.
    clean = Image.new("RGB", picture.size)
    clean.paste(picture)
    return clean
