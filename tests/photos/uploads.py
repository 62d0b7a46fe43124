"""Files for tests of uploads: honest ones and ones made to cost much, byte by byte."""

import io
import struct

import pytest
from PIL import Image

from ad_autocategorize.photos.uploads import DEFAULT_LIMITS, UploadRefused, decode_upload
from tests.photos.test_decoding import chunk, encoded, picture


def decode(data, limits=DEFAULT_LIMITS, budget=None):
    return decode_upload(io.BytesIO(data), limits, budget)


def refusal(data, limits=DEFAULT_LIMITS, budget=None):
    with pytest.raises(UploadRefused) as caught:
        decode(data, limits, budget)
    return caught.value


def scans_of(width, height, count):
    """A progressive JPEG of so many empty scans."""
    data = encoded(Image.new("RGB", (width, height)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * count + b"\xff\xd9"


def hidden_scans():
    """A TEM marker has no length: what looks like one hides the scans behind it from whoever skips it."""
    data = scans_of(4000, 4000, 5000)
    first = data.index(b"\xff\xda")
    return data[:first] + b"\xff\x01\xff\xff" + data[first:]


def start_of_frame(marker, width, height):
    """A JPEG of one gray component that announces a size and holds next to nothing."""
    frame = struct.pack(">BBHBHHB", 0xFF, marker, 11, 8, height, width, 1) + b"\x01\x11\x00"
    tables = b"\xff\xdb\x00\x43\x00" + bytes([1] * 64)
    tables += (
        b"\xff\xc4\x00\x14\x00"
        + bytes([1] + [0] * 15)
        + b"\x00"
        + b"\xff\xc4\x00\x14\x10"
        + bytes([1] + [0] * 15)
        + b"\x00"
    )
    end = b"\x00\x00\x00" if marker == 0xC2 else b"\x00\x3f\x00"
    return b"\xff\xd8" + tables + frame + b"\xff\xda\x00\x08\x01\x01\x00" + end + b"\x00\xff\xd9"


def webp(width, height):
    body = b"\x00" * 4 + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return (
        b"RIFF" + struct.pack("<I", 38) + b"WEBPVP8X" + struct.pack("<I", 10) + body + b"VP8L\x08\0\0\0\x2f" + bytes(7)
    )


def exif_of(tags, value=b"", preview=0):
    """EXIF data of so many tags, each of which points at the start, and a preview of so many bytes behind them."""
    entries = b"".join(struct.pack("<HHII", tag + 1, 7, 60_000, 0) for tag in range(tags))
    return b"II*\0" + struct.pack("<IH", 8, tags) + entries + bytes(preview)


def jpeg_with_exif(exif, segments=1):
    data = encoded(picture(), "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif
    return data[:2] + segment * segments + data[2:]


def png_with_exif(exif):
    data = encoded(picture(), "PNG")
    return data[:33] + chunk(b"eXIf", exif) + data[33:]


def webp_with_exif(exif):
    return encoded(picture(), "WEBP", exif=exif)


def webp_of(width, height):
    return encoded(Image.new("RGB", (width, height), (200, 30, 30)), "WEBP", method=0)


def heic(*images, **options):
    pillow_heif = pytest.importorskip("pillow_heif")
    file, buffer = pillow_heif.HeifFile(), io.BytesIO()
    for image in images:
        file.add_from_pillow(image)
    file.save(buffer, save_all=True, **{"enc_params": {"preset": "ultrafast"}, **options})
    return buffer.getvalue()


def profile_of(primaries, gamma):
    """An ICC profile of a matrix and a curve, as displays and cameras have: primaries as XYZ under D50."""

    def fixed(value):
        return struct.pack(">i", round(value * 65536))

    def xyz(values):
        return b"XYZ \0\0\0\0" + b"".join(map(fixed, values))

    text = b"test"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + bytes(1 + 4 + 4 + 2 + 1 + 67)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {b"desc": described, b"wtpt": xyz((0.9642, 1.0, 0.8249)), b"cprt": b"text\0\0\0\0CC0\0"}
    tags |= {name: xyz(values) for name, values in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body = b"", b""
    for name, value in tags.items():
        value += bytes(-len(value) % 4)
        table += struct.pack(">4sII", name, 128 + 4 + 12 * len(tags) + len(body), len(value))
        body += value
    size = 128 + 4 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s12s4s", size, b"test", 0x02100000, b"mntr", b"RGB ", b"XYZ ", bytes(12), b"acsp")
    head += bytes(68 - len(head)) + b"".join(map(fixed, (0.9642, 1.0, 0.8249)))
    return head + bytes(128 - len(head)) + struct.pack(">I", len(tags)) + table + body
