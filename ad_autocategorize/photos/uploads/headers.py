"""What a file says of itself, read without a decoder: its format, its size, and what decoding it would cost."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ad_autocategorize.photos.uploads.limits import UploadLimits, UploadRefused

Kind = Literal["JPEG", "PNG", "WEBP", "HEIF"]

_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1")
_AVIF_BRANDS = (b"avif", b"avis")
_MOST_BRANDS = 128

# JPEG markers (ITU-T T.81, table B.1): those without a segment. All others are followed by a segment, which begins with its
# length.
_SOI, _EOI, _SOS, _TEM = 0xD8, 0xD9, 0xDA, 0x01
_STANDALONE = {_TEM, _SOI, *range(0xD0, 0xD8)}
# Start of a frame: baseline and extended sequential, which are decoded row by row, and progressive, which is held in memory as a
# whole. Cameras write no others, such as lossless, hierarchical, or those of arithmetic coding.
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1), 0xC2
_OTHER_FRAMES = {0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)}
_RESERVED = range(0x02, 0xC0)
_APP1, _EXIF = 0xE1, b"Exif\0\0"
# A marker is 0xFF and another byte. Within entropy-coded data, 0xFF is followed by zero or by the number of a restart marker, and
# before a marker there may be more 0xFF as fill bytes.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
# More fill bytes than any encoder writes. Decoders start anew for every block of them.
_FILL = b"\xff" * 256
# A file has at most so many segments, enough for metadata of 20 MB in segments of 64 KB, and for tables between scans. Small
# segments cost a parser as much as large ones.
_MOST_SEGMENTS = 1_000


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself.

    Attributes
    ----------
    width, height : in pixels; 0 for HEIC, whose size only the decoder finds.
    scaled : whether the picture can be decoded at a fraction of its size.
    scans : how many passes over the picture decoding takes.
    ends : whether the file has an end marker.
    exif : the EXIF data of a JPEG, all its segments joined, as Pillow joins them.
    """

    kind: Kind
    width: int = 0
    height: int = 0
    scaled: bool = False
    scans: int = 1
    ends: bool = True
    exif: bytes = b""


def read_header(data: bytes) -> Header:
    """Return the header of a file. Raises ``UploadRefused`` for other formats, and for what no camera writes."""
    if data.startswith(b"\xff\xd8\xff"):
        return _read_jpeg(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        if data[12:16] != b"IHDR" or len(data) < 24:
            raise UploadRefused("damaged")
        return Header("PNG", *struct.unpack_from(">II", data, 16))
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _read_webp(data)
    brands = _brands(data) if data[4:8] == b"ftyp" else []
    if any(brand in _AVIF_BRANDS for brand in brands):
        raise UploadRefused("avif")
    if brands and brands[0] in _HEIC_BRANDS:
        return Header("HEIF")
    raise UploadRefused("unknown_format")


def _brands(data: bytes) -> list[bytes]:
    """Return the major brand and the compatible brands. Either may be the one that tells AVIF from HEIC."""
    end = min(int.from_bytes(data[:4], "big"), _MOST_BRANDS)
    return [data[place : place + 4] for place in (8, *range(16, end, 4))]


def check_header(header: Header, limits: UploadLimits) -> None:
    """Raise ``UploadRefused`` for a picture that would cost too much to decode."""
    if header.scans > limits.max_scans:
        raise UploadRefused("too_slow")
    check_exif(header.exif, limits)
    highest = {"WEBP": limits.max_webp_pixels, "HEIF": limits.max_heic_pixels}.get(header.kind, limits.max_pixels)
    if header.scaled:
        highest = limits.max_scaled_pixels
    if max(header.width, header.height) > limits.max_side or header.width * header.height > highest:
        raise UploadRefused("too_many_pixels")


def check_exif(exif: bytes, limits: UploadLimits) -> None:
    """Raise ``UploadRefused`` for more EXIF data than any camera writes, before it is parsed.

    Broken EXIF data pass: cameras and editors write such, and the photo can be used without.
    """
    tiff = exif.removeprefix(_EXIF)
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    tags = 0
    if order and len(tiff) >= 8:
        (directory,) = struct.unpack_from(order + "I", tiff, 4)
        if directory + 2 <= len(tiff):
            (tags,) = struct.unpack_from(order + "H", tiff, directory)
    if len(exif) > limits.max_exif_bytes or tags > limits.max_exif_tags:
        raise UploadRefused("metadata")


def _read_jpeg(data: bytes) -> Header:
    """Read the header of the first picture, and count what decoding it will take."""
    scans, ends = 0, False
    frame: tuple[int, int, int] | None = None
    exif: list[bytes] = []
    for marker, start, end in _segments(data):
        if marker in _SEQUENTIAL or marker == _PROGRESSIVE:
            frame = frame or _frame(data, marker, start)
        elif marker == _SOS:
            scans += 1
        elif marker == _EOI:
            ends = True
        elif marker == _APP1 and data.startswith(_EXIF, start + 2):
            exif.append(data[start + 2 + len(_EXIF) : end])
    if frame is None or not scans:
        raise UploadRefused("damaged")
    marker, width, height = frame
    return Header("JPEG", width, height, marker in _SEQUENTIAL and scans == 1, scans, ends, b"".join(exif))


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the marker of each segment of the first picture, and the start and end of the segment.

    The last is the end marker, if there is one; its segment is empty. The search for markers is that of libjpeg, so that nothing
    can be decoded that is not seen here. Raises ``UploadRefused``.
    """
    position, segments = 2, 0
    while (found := _MARKER.search(data, position)) is not None:
        if data.find(_FILL, position, found.end()) >= 0:
            raise UploadRefused("damaged")
        marker, position = data[found.start() + 1], found.end()
        if marker == _EOI:
            yield marker, position, position
            return
        if marker in _STANDALONE:
            continue
        if marker in _RESERVED:
            raise UploadRefused("damaged")
        if marker in _OTHER_FRAMES:
            raise UploadRefused("unknown_format")
        segments += 1
        if segments > _MOST_SEGMENTS:
            raise UploadRefused("too_slow")
        if position + 2 > len(data):
            raise UploadRefused("damaged")
        end = position + max(2, int.from_bytes(data[position : position + 2], "big"))
        yield marker, position, end
        position = end
    if data.find(_FILL, position) >= 0:
        raise UploadRefused("damaged")


def _frame(data: bytes, marker: int, position: int) -> tuple[int, int, int]:
    """Return the marker, width and height of the frame whose segment is at a position."""
    if position + 7 > len(data):
        raise UploadRefused("damaged")
    height, width = struct.unpack_from(">HH", data, position + 3)
    return marker, width, height


def _read_webp(data: bytes) -> Header:
    """Read the size from the first chunk: https://developers.google.com/speed/webp/docs/riff_container"""
    chunk, body = data[12:16], data[20:30]
    if len(body) < 10:
        raise UploadRefused("damaged")
    if chunk == b"VP8X":
        if body[0] & 0x02:
            raise UploadRefused("animated")
        width, height = (1 + int.from_bytes(body[start : start + 3], "little") for start in (4, 7))
    elif chunk == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif chunk == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(body[start : start + 2], "little") & 0x3FFF for start in (6, 8))
    else:
        raise UploadRefused("damaged")
    return Header("WEBP", width, height)
