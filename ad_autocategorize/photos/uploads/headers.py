"""What the first bytes of a file say of it, read without a decoder: its format, its size, and what decoding it would cost."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Literal

from ad_autocategorize.photos.uploads.limits import UploadLimits, UploadRefused

Kind = Literal["JPEG", "PNG", "WEBP", "HEIF"]

_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1")
_AVIF_BRANDS = (b"avif", b"avis")

# JPEG markers (ITU-T T.81, table B.1). Those that stand alone; all others carry a length.
_SOI, _EOI, _SOS, _TEM = 0xD8, 0xD9, 0xDA, 0x01
_STANDALONE = {_TEM, _SOI, *range(0xD0, 0xD8)}
# Baseline and extended sequential, decoded row by row; progressive, held whole. Cameras write no others.
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1), 0xC2
_OTHER_FRAMES = {0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)}
_RESERVED = range(0x02, 0xC0)
_APP1, _EXIF = 0xE1, b"Exif\0\0"
# An entropy-coded 0xFF is followed by zero, a restart marker, or more of its kind that fill up.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
# Bytes that fill up before a marker: encoders write none or a few, and decoders start anew for every block of them.
_FILL = b"\xff" * 256
# Segments of a file: metadata of 20 MB in pieces of 64 KB, and tables between scans. Each costs a parser as much as a large one.
_MOST_SEGMENTS = 1_000


@dataclass(frozen=True, slots=True)
class Header:
    """What a file announces.

    ``width`` and ``height`` are 0 where the decoder itself has to be asked (HEIC). ``scaled`` says that the picture can be
    decoded at a fraction of its size, ``scans`` how many passes it takes, and ``ends`` that the file has its end. ``exif`` is a
    JPEG's, all segments joined, as Pillow joins them.
    """

    kind: Kind
    width: int = 0
    height: int = 0
    scaled: bool = False
    scans: int = 1
    ends: bool = True
    exif: bytes = b""


def read_header(data: bytes) -> Header:
    """Return what a file announces. Raises ``UploadRefused`` for other formats, and for what no camera writes."""
    if data.startswith(b"\xff\xd8\xff"):
        return _read_jpeg(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        if data[12:16] != b"IHDR" or len(data) < 24:
            raise UploadRefused("damaged")
        return Header("PNG", *struct.unpack_from(">II", data, 16))
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _read_webp(data)
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return Header("HEIF")
    if data[4:8] == b"ftyp" and data[8:12] in _AVIF_BRANDS:
        raise UploadRefused("avif")
    raise UploadRefused("unknown_format")


def check_header(header: Header, limits: UploadLimits) -> None:
    """Refuse a picture that would cost too much, before anything of it is decoded. Raises ``UploadRefused``."""
    if header.scans > limits.max_scans:
        raise UploadRefused("too_slow")
    check_exif(header.exif, limits)
    highest = {"WEBP": limits.max_webp_pixels, "HEIF": limits.max_heic_pixels}.get(header.kind, limits.max_pixels)
    if header.scaled:
        highest = limits.max_scaled_pixels
    if max(header.width, header.height) > limits.max_side or header.width * header.height > highest:
        raise UploadRefused("too_many_pixels")


def check_exif(exif: bytes, limits: UploadLimits) -> None:
    """Refuse EXIF data that no camera writes, before any of it is read. Raises ``UploadRefused``.

    What is merely broken passes: cameras and editors write that, and a photo is a photo without it.
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
    """Walk the markers of the first picture as libjpeg does, so that nothing is decoded that was not counted here."""
    position, scans, segments = 2, 0, 0
    frame: tuple[int, int, int] | None = None
    exif: list[bytes] = []
    while (found := _MARKER.search(data, position)) is not None:
        if data.find(_FILL, position, found.end()) >= 0:
            raise UploadRefused("damaged")
        marker, position = data[found.start() + 1], found.end()
        if marker == _EOI:
            break
        if marker in _STANDALONE:
            continue
        if marker in _RESERVED:
            raise UploadRefused("damaged")
        if marker in _OTHER_FRAMES:
            # Arithmetic coding, lossless and hierarchical frames.
            raise UploadRefused("unknown_format")
        segments += 1
        if segments > _MOST_SEGMENTS:
            raise UploadRefused("too_slow")
        if marker in _SEQUENTIAL or marker == _PROGRESSIVE:
            frame = frame or _frame(data, marker, position)
        scans += marker == _SOS
        if position + 2 > len(data):
            raise UploadRefused("damaged")
        end = position + max(2, int.from_bytes(data[position : position + 2], "big"))
        if marker == _APP1 and data.startswith(_EXIF, position + 2):
            exif.append(data[position + 2 + len(_EXIF) : end])
        position = end
    if frame is None or not scans or (found is None and data.find(_FILL, position) >= 0):
        raise UploadRefused("damaged")
    marker, width, height = frame
    return Header("JPEG", width, height, marker in _SEQUENTIAL and scans == 1, scans, found is not None, b"".join(exif))


def _frame(data: bytes, marker: int, position: int) -> tuple[int, int, int]:
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
