"""Each refusal and each odd but honest picture, with a real file made on the fly.

All of it twice: decoded in a process of its own, and in this one as where no process can be had.
"""

import io
import struct
import sys
import threading
import time
import zipfile
import zlib

import pytest
from PIL import Image, ImageFile, JpegImagePlugin

from ad_autocategorize.photos.uploads import DEFAULT_LIMITS, UploadLimits, UploadRefused, decode_upload, process


@pytest.fixture(autouse=True, params=["process", "here"])
def door(request, monkeypatch):
    if request.param == "here":
        monkeypatch.setattr(process, "why_unavailable", lambda: "for a test")
        monkeypatch.setattr(process, "_RETRY_SECONDS", 0.0)
        process.decoding_process.stop()
    yield request.param
    if request.param == "here":
        process.decoding_process.forget()


RED, GREEN = (200, 30, 30), (30, 160, 40)


def picture(mode="RGB", size=(64, 48)):
    """Red above, green below."""
    image = Image.new("RGB", size, RED)
    image.paste(GREEN, (0, size[1] // 2, *size))
    return image.convert(mode)


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decode(data, **limits):
    return decode_upload(io.BytesIO(data), UploadLimits(**limits))


def refusal(data, **limits):
    with pytest.raises(UploadRefused) as caught:
        decode(data, **limits)
    assert caught.value.message == str(caught.value)
    return caught.value.code


def near(pixel, expected):
    return all(abs(a - b) < 30 for a, b in zip(pixel, expected, strict=True))


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth, color, rows):
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_photos_of_each_format(kind, options):
    image = decode(encoded(picture(), kind, **options))
    assert (image.mode, image.size) == ("RGB", (64, 48))
    assert near(image.getpixel((32, 5)), RED)
    assert near(image.getpixel((32, 43)), GREEN)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "RGBA", "LA"])
def test_other_kinds_of_samples_become_rgb(mode):
    kind = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    image = decode(encoded(picture(mode), kind))
    assert image.mode == "RGB"
    if mode in ("P", "CMYK", "YCbCr", "RGBA"):
        assert near(image.getpixel((32, 5)), RED)


def test_a_palette_with_a_transparent_color_turns_white():
    image = picture("P")
    data = encoded(image, "PNG", transparency=image.getpixel((32, 5)))
    assert decode(data).getpixel((32, 5)) == (255, 255, 255)


def test_sixteen_bits_are_scaled_and_not_clipped():
    assert decode(encoded(Image.new("I;16", (8, 8), 0x8000), "PNG")).getpixel((4, 4)) == (128, 128, 128)
    row = b"\0" + struct.pack(">HHH", 0xC8C8, 0x1E1E, 0x1E1E) * 4
    assert decode(png(4, 4, 16, 2, row * 4)).getpixel((1, 1)) == (200, 30, 30)


@pytest.mark.parametrize(("orientation", "size"), [(1, (64, 48)), (3, (64, 48)), (6, (48, 64)), (8, (48, 64))])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_it_is_turned_upright(kind, orientation, size):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    stored = picture() if orientation == 1 else picture().transpose(turned[orientation])
    image = decode(encoded(stored, kind, exif=exif))
    # As the photographer saw it: red above, whatever way the camera was held.
    assert image.size == (64, 48)
    assert near(image.getpixel((32, 5)), RED)
    assert stored.size == size


def test_no_metadata_comes_along():
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8825).update({1: "S", 2: (34.0, 36.0, 12.0), 3: "W", 4: (58.0, 22.0, 54.0)})
    data = encoded(picture(), "JPEG", exif=exif, comment=b"at home", icc_profile=b"profile" * 20, xmp=b"<x:xmpmeta/>")
    assert Image.open(io.BytesIO(data)).getexif().get_ifd(0x8825)
    image = decode(data)
    assert image.info == {}
    again = encoded(image, "JPEG")
    for secret in (b"Exif", b"Camera", b"at home", b"profile", b"xmp"):
        assert secret not in again


def test_large_photos_are_scaled_down_and_small_ones_not_up():
    assert decode(encoded(picture(size=(640, 480)), "JPEG"), longest_side=100).size == (100, 75)
    assert decode(encoded(picture(size=(640, 480)), "PNG"), longest_side=100).size == (100, 75)
    assert decode(encoded(picture(size=(3000, 2)), "PNG"), longest_side=100).size == (100, 1)
    assert decode(encoded(picture(), "JPEG"), longest_side=100).size == (64, 48)


@pytest.mark.parametrize(
    ("size", "read"), [((1600, 1200), (400, 300)), ((1200, 1600), (300, 400)), ((3200, 200), (400, 25))]
)
def test_of_a_large_jpeg_no_more_is_decoded_than_is_wanted(size, read, door, monkeypatch):
    if door == "process":
        pytest.skip("another process cannot be looked into")
    decoded = []
    load = JpegImagePlugin.JpegImageFile.load
    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "load", lambda self: decoded.append(self.size) or load(self))
    decode(encoded(picture(size=size), "JPEG"), longest_side=320)
    assert decoded[0] == read


def test_name_and_declared_type_play_no_part():
    from django.core.files.uploadedfile import SimpleUploadedFile

    file = SimpleUploadedFile("../../etc/passwd.html", encoded(picture(), "PNG"), content_type="text/html")
    assert decode_upload(file).size == (64, 48)


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<?xml version='1.0'?><svg/>",
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7\n",
        b"MZ\x90\x00",
        b"\xff\xd8",
        b"<script>/*" + encoded(picture(), "JPEG"),
        encoded(picture(), "GIF"),
        encoded(picture(), "TIFF"),
        encoded(picture(), "BMP"),
        encoded(picture(), "ICO"),
        encoded(picture(), "PPM"),
        encoded(picture(), "JPEG2000"),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_other_formats_are_refused_unopened(data):
    assert refusal(data) == "unknown_format"


def test_an_empty_file():
    assert refusal(b"") == "empty"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file(kind, share):
    noise = Image.effect_noise((200, 150), 80).convert("RGB")
    data = encoded(noise, kind)
    assert refusal(data[: int(len(data) * share)]) == "damaged"


@pytest.mark.parametrize("mark", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8 "])
def test_a_signature_before_something_else(mark):
    assert refusal(mark + b"<html>" * 100) == "damaged"


def test_a_file_with_too_many_bytes_is_not_read_to_its_end():
    file = io.BytesIO(bytes(5000))
    with pytest.raises(UploadRefused, match="larger than") as caught:
        decode_upload(file, UploadLimits(max_bytes=1000))
    assert caught.value.code == "too_large"
    assert file.tell() == 1001


def test_a_bomb_of_pixels_is_refused_by_its_header():
    # 900 million pixels in a megabyte: decoding would take seconds and gigabytes.
    bomb = png(30_000, 30_000, 8, 0, bytes(30_001) * 30_000)
    started = time.perf_counter()
    assert refusal(bomb) == "too_many_pixels"
    # Starting the process that decodes may be part of it.
    assert time.perf_counter() - started < 3
    assert refusal(png(6_000, 6_000, 8, 0, b"")) == "too_many_pixels"


def test_a_bomb_in_a_text_or_a_profile_is_refused():
    start = encoded(picture(), "PNG")
    header, rest = start[:33], start[33:]
    for kind, body in ((b"zTXt", b"k\0\0"), (b"iCCP", b"k\0\0")):
        bomb = header + chunk(kind, body + zlib.compress(bytes(300_000_000), 9)) + rest
        started = time.perf_counter()
        try:
            assert decode(bomb).size == (64, 48)
        except UploadRefused as refused:
            assert refused.code == "damaged"
        # Starting the process that decodes may be part of it.
    assert time.perf_counter() - started < 3


def test_a_large_camera_s_jpeg_is_taken_because_it_is_decoded_small():
    data = encoded(Image.new("RGB", (8000, 6000), RED), "JPEG")
    assert decode(data).size == (1600, 1200)
    assert refusal(encoded(Image.new("RGB", (8000, 6000)), "JPEG", progressive=True)) == "too_many_pixels"
    assert refusal(data, max_scaled_pixels=40_000_000) == "too_many_pixels"


def test_a_jpeg_of_very_many_passes():
    data = encoded(picture(size=(640, 480)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    bomb = data[:-2] + data[last:-2] * 5000 + b"\xff\xd9"
    assert refusal(bomb) == "too_slow"


def test_the_clock_stops_a_slow_decoder():
    data = encoded(Image.effect_noise((2000, 2000), 80).convert("RGB"), "PNG")
    assert refusal(data, max_seconds=0.001) == "too_slow"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation(kind):
    frames = [Image.new("RGB", (32, 32), (shade, 0, 0)) for shade in (0, 99, 200)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)
    assert refusal(data) == "animated"


def test_a_camera_s_jpeg_with_a_second_picture_inside():
    data = encoded(picture(), "MPO", save_all=True, append_images=[picture(size=(16, 12))])
    assert decode(data).size == (64, 48)


def test_a_polyglot_loses_its_other_half():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("evil.class", "cafebabe")
    script = b"<script>alert(document.cookie)</script>"
    data = encoded(picture(), "JPEG", comment=script) + script + buffer.getvalue()
    assert zipfile.is_zipfile(io.BytesIO(data))
    again = encoded(decode(data), "JPEG")
    assert b"script" not in again
    assert not zipfile.is_zipfile(io.BytesIO(again))


@pytest.mark.filterwarnings("ignore")
def test_an_exif_block_made_to_fill_the_memory():
    # Every tag claims the same 50,000 bytes, in as much as is let in.
    tags = b"".join(struct.pack("<HHII", tag + 1, 7, 50_000, 0) for tag in range(1000))
    block = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1000) + tags + bytes(50_100)
    data = encoded(picture(), "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
    started = time.perf_counter()
    assert decode(data[:2] + segment * 8 + data[2:]).size == (64, 48)
    assert time.perf_counter() - started < 5


def test_a_host_that_tolerates_truncated_files_changes_nothing_for_other_formats(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert refusal(b"<svg/>") == "unknown_format"


def heic():
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(picture()).save(buffer, quality=90)
    return buffer.getvalue()


def test_heic_is_read_where_pillow_heif_is_installed():
    image = decode(heic())
    assert image.size == (64, 48)
    assert near(image.getpixel((32, 5)), RED)
    assert "HEIF" not in Image.registered_extensions().values()
    assert refusal(heic()[:-40]) == "damaged"
    assert refusal(heic(), max_heic_pixels=100) == "too_many_pixels"


def test_heic_is_refused_in_plain_words_without_it(door, monkeypatch):
    if door == "process":
        pytest.skip("another process imports for itself")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(UploadRefused, match="JPEG") as caught:
        decode(b"\0\0\0\x18ftypheic" + bytes(100))
    assert caught.value.code == "heic"


def test_several_threads_at_once():
    data, sizes = encoded(picture(size=(640, 480)), "JPEG"), []
    threads = [threading.Thread(target=lambda: sizes.append(decode(data, longest_side=64).size)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes == [(64, 48)] * 8


def test_the_limits_in_use_are_those_documented():
    assert (DEFAULT_LIMITS.max_bytes, DEFAULT_LIMITS.max_pixels) == (20 * 1024 * 1024, 25_000_000)
