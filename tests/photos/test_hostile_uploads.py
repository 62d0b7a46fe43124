"""Files of a few bytes that cost seconds or gigabytes, or that say two things; and honest ones that were refused once."""

import io
import os
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from ad_autocategorize.photos.uploads import DEFAULT_LIMITS, Budget, UploadLimits, UploadRefused, decode_upload, process
from ad_autocategorize.photos.uploads.headers import read_header
from tests.photos.test_decoding import chunk, encoded, near, picture, png


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


HOSTILE = {
    "scans behind a marker without a length": (hidden_scans, {"too_slow"}),
    "a reserved marker": (lambda: encoded(picture(), "JPEG").replace(b"\xff\xda", b"\xff\x02\xff\xda"), {"damaged"}),
    "one progressive scan of 110 megapixels": (lambda: start_of_frame(0xC2, 10_400, 10_400), {"too_many_pixels"}),
    "arithmetic coding": (lambda: start_of_frame(0xC9, 64, 64), {"unknown_format"}),
    "a lossless frame": (lambda: start_of_frame(0xC3, 64, 64), {"unknown_format"}),
    "a small WebP of a large canvas": (lambda: webp(16_383, 1_526), {"too_many_pixels"}),
    "a PNG one pixel wide": (lambda: png(1, 25_000_000, 8, 0, bytes(2) * 25_000_000), {"too_many_pixels"}),
    "twenty megabytes of fill bytes": (lambda: b"\xff\xd8\xff" + b"\xff" * (20 * 2**20 - 3), {"damaged"}),
    "fill bytes within a scan": (lambda: encoded(picture(), "JPEG")[:-2] + b"\xff" * 10**7 + bytes(10), {"damaged"}),
    "five million empty comments": (lambda: b"\xff\xd8" + b"\xff\xfe\0\2" * (5 * 10**6), {"too_slow", "damaged"}),
    "EXIF tags that claim gigabytes": (lambda: jpeg_with_exif(exif_of(5000), segments=16), {"metadata"}),
    "more EXIF tags than a camera writes": (lambda: jpeg_with_exif(exif_of(1001)), {"metadata"}),
    "more EXIF data than a camera writes": (lambda: jpeg_with_exif(exif_of(9, preview=60_000), 9), {"metadata"}),
    "the same in a PNG": (lambda: png_with_exif(exif_of(1001)), {"metadata"}),
    "the same in a WebP": (lambda: webp_with_exif(exif_of(9, preview=600_000)), {"metadata"}),
}  # fmt: skip


@pytest.fixture(params=["process", "here"])
def door(request, monkeypatch):
    if request.param == "here":
        monkeypatch.setattr(process, "why_unavailable", lambda: "for a test")
        process.decoding_process.stop()
    yield request.param
    if request.param == "here":
        process.decoding_process.forget()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_made_to_cost_much_is_refused_at_little_cost(name, door):
    make, codes = HOSTILE[name]
    budget = Budget(3.0)
    assert refusal(make(), budget=budget).code in codes
    # CPU time rather than the wall's, which other processes share.
    assert budget.left > 0.4


def test_an_honest_png_of_many_chunks_and_a_file_within_each_limit(door):
    assert decode(encoded(Image.new("L", (5000, 5000)), "PNG")).size == (1600, 1600)
    assert decode(webp_of(3600, 3600)).size == (1600, 1600)


def webp_of(width, height):
    return encoded(Image.new("RGB", (width, height), (200, 30, 30)), "WEBP", method=0)


def test_the_operating_system_ends_what_takes_too_long_and_the_next_photo_is_read():
    data = encoded(Image.effect_noise((3000, 3000), 80).convert("RGB"), "PNG", compress_level=1)
    refused = refusal(data, UploadLimits(max_seconds=0.02))
    assert (refused.code, refused.seconds) == ("too_slow", pytest.approx(0.02, abs=0.01))
    assert decode(encoded(picture(), "PNG")).size == (64, 48)


def test_the_operating_system_bounds_the_memory():
    # The limits of pixels are set aside: a gigabyte is asked for, and not had.
    open_limits = UploadLimits(max_pixels=10**9, max_seconds=20)
    assert refusal(png(20_000, 12_000, 8, 2, b""), open_limits).code == "too_many_pixels"
    assert decode(encoded(picture(), "PNG")).size == (64, 48)


def test_a_decoder_that_crashes_takes_nobody_along(monkeypatch):
    decode(encoded(picture(), "PNG"))
    ask = process._ask

    def crash(running, question, data):
        running.kill()
        running.wait()
        running.returncode = -11
        return ask(running, question, data)

    monkeypatch.setattr(process, "_ask", crash)
    assert refusal(encoded(picture(), "PNG")).code == "damaged"
    monkeypatch.undo()
    assert decode(encoded(picture(), "PNG")).size == (64, 48)


@pytest.mark.parametrize(
    "answer",
    [
        {"size": [64, 48], "seconds": 0},
        {"size": [10**6, 10**6], "seconds": 0},
        {"size": [0, 0], "seconds": 0},
        {"code": "nonsense", "seconds": 0},
    ],
)
def test_what_a_decoder_answers_is_not_believed(monkeypatch, answer):
    monkeypatch.setattr(process, "_ask", lambda *args: (answer, b"123"))
    assert refusal(encoded(picture(), "PNG")).code == "damaged"


def test_the_decoding_process_can_open_nothing_and_knows_no_secrets(monkeypatch):
    monkeypatch.setenv("MARKETPLACE_SECRET_KEY", "a secret")
    process.decoding_process.stop()
    decode(encoded(picture(), "PNG"))
    pid = process.decoding_process._process.pid
    if sys.platform != "linux":
        pytest.skip("/proc is Linux's")
    assert b"secret" not in Path(f"/proc/{pid}/environ").read_bytes()
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    lines = {line[:25].strip(): line[25:].split() for line in limits}
    assert lines["Max open files"][:2] == ["0", "0"]
    assert lines["Max file size"][:2] == ["0", "0"]
    assert int(lines["Max address space"][0]) < 500 * 2**20


def test_a_forked_child_has_a_process_of_its_own():
    decode(encoded(picture(), "PNG"))
    ours = process.decoding_process._process.pid
    child = os.fork()
    if child == 0:
        fine = process.decoding_process._process is None and decode(encoded(picture(), "PNG")).size == (64, 48)
        theirs = process.decoding_process._process.pid
        process.decoding_process.stop()
        os._exit(0 if fine and theirs != ours else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert decode(encoded(picture(), "PNG")).size == (64, 48)
    assert process.decoding_process._process.pid == ours


def test_a_fork_while_another_thread_decodes_does_not_hang():
    stop, data = threading.Event(), encoded(picture(size=(640, 480)), "PNG")

    def keep_decoding():
        while not stop.is_set():
            decode(data)

    thread = threading.Thread(target=keep_decoding)
    thread.start()
    try:
        for _ in range(3):
            child = os.fork()
            if child == 0:
                decode(data)
                process.decoding_process.stop()
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        thread.join()


def test_the_process_ends_with_the_one_that_started_it():
    code = (
        "import io; from PIL import Image; from ad_autocategorize.photos.uploads import decode_upload, process;"
        "b = io.BytesIO(); Image.new('RGB', (9, 9)).save(b, 'PNG'); b.seek(0); decode_upload(b);"
        "print(process.decoding_process._process.pid, flush=True); import os; os.kill(os.getpid(), 9)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid = int(run.stdout)
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z":
            return
        threading.Event().wait(0.1)
    pytest.fail("the decoding process is still there")


def test_photos_of_one_request_share_their_time():
    budget = Budget(0.5)
    data = encoded(picture(), "PNG")
    decode(data, budget=budget)
    assert 0 < budget.left < 0.5
    budget.spend(1)
    assert refusal(data, budget=budget).code == "too_slow"


# Honest files.


def test_a_jpeg_that_lacks_its_last_bytes_is_taken_and_one_that_lacks_a_part_is_not(door):
    data = encoded(Image.effect_noise((200, 150), 80).convert("RGB"), "JPEG")
    for cut in (1, 2):
        whole, cut_short = decode(data), decode(data[:-cut])
        assert np.abs(np.asarray(whole).astype(int) - np.asarray(cut_short)).max() == 0
    for left in (0.3, 0.6, 0.97):
        assert refusal(data[: int(len(data) * left)]).code == "damaged"


def test_avif_is_refused_in_words_of_its_own():
    refused = refusal(b"\0\0\0\x1cftypavif" + bytes(100))
    assert refused.code == "avif"
    assert "JPEG" in refused.message


def test_a_png_that_could_move_and_does_not_is_a_photo(door):
    still = encoded(picture(), "PNG", save_all=True, append_images=[])
    assert decode(still).size == (64, 48)
    frames = [picture(), picture().rotate(90)]
    assert refusal(encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])).code == "animated"


def heic(*images, **options):
    pillow_heif = pytest.importorskip("pillow_heif")
    file, buffer = pillow_heif.HeifFile(), io.BytesIO()
    for image in images:
        file.add_from_pillow(image)
    file.save(buffer, save_all=True, **{"enc_params": {"preset": "ultrafast"}, **options})
    return buffer.getvalue()


def test_a_spatial_heic_is_a_photo_and_its_primary_picture_the_one_taken(door):
    blue = Image.new("RGB", (64, 48), (20, 20, 200))
    assert near(decode(heic(picture(), blue)).getpixel((32, 5)), (200, 30, 30))
    assert near(decode(heic(blue, picture(), primary_index=1)).getpixel((32, 5)), (200, 30, 30))


def test_a_heic_of_48_megapixels_is_taken():
    assert DEFAULT_LIMITS.max_heic_pixels >= 8064 * 6048
    # Smaller, since encoding takes a minute otherwise; larger than any other picture that is held whole.
    image = decode(heic(Image.new("RGB", (5600, 4800), (200, 30, 30)), quality=10, chroma=420))
    assert image.size == (1600, 1371)
    assert near(image.getpixel((800, 600)), (200, 30, 30))


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


ADOBE_RGB = (((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)), 2.19921875)
DISPLAY_P3 = (((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)), 2.2)


@pytest.mark.parametrize("profile", [profile_of(*ADOBE_RGB), profile_of(*DISPLAY_P3)], ids=["Adobe RGB", "Display P3"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_colors_of_a_wider_space_are_converted(door, kind, profile):
    # A strong red of sRGB, as each space writes it: read as sRGB it is another red.
    srgb = Image.new("RGB", (64, 48), (220, 40, 30))
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    stored = ImageCms.profileToProfile(srgb, ImageCms.createProfile("sRGB"), source)
    assert stored.getpixel((9, 9))[0] < 210
    options = {"icc_profile": profile, "lossless": True} if kind == "WEBP" else {"icc_profile": profile}
    if kind == "HEIF":
        pytest.importorskip("pillow_heif")
        stored.info["icc_profile"] = profile
        data = heic(stored, quality=95)
    else:
        data = encoded(stored, kind, **options)
    assert near(decode(data).getpixel((9, 9)), (220, 40, 30))
    assert abs(decode(data).getpixel((9, 9))[0] - 220) < 6


BROKEN_EXIF = {
    "nothing": b"",
    "no EXIF data": b"a note that is none of EXIF's",
    "cut short": b"II*\0",
    "a directory beyond the end": b"MM\0*" + struct.pack(">I", 10**9),
    "half a directory": b"II*\0" + struct.pack("<IH", 8, 40) + bytes(30),
    "values beyond the end": b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x0112, 5, 1, 10**6) + bytes(4),
    "an orientation in words": b"II*\0" + struct.pack("<IHHHI4s", 8, 1, 0x0112, 2, 4, b"top") + bytes(4),
    "a preview of 60 KB": exif_of(20, preview=60_000),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", BROKEN_EXIF)
@pytest.mark.parametrize("file", [jpeg_with_exif, png_with_exif, webp_with_exif])
def test_exif_data_that_are_merely_broken_are_ignored(door, file, name):
    photo = decode(file(BROKEN_EXIF[name]))
    assert photo.size == (64, 48)
    assert near(photo.getpixel((32, 5)), (200, 30, 30))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_turned_as_its_camera_was_held(door, kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(encoded(picture(), kind, exif=exif)).size == (48, 64)


@pytest.mark.parametrize("profile", [b"profile" * 20, bytes(500_000), zlib.compress(bytes(999))])
def test_a_profile_that_is_none_changes_nothing(door, profile):
    assert near(decode(encoded(picture(), "PNG", icc_profile=profile)).getpixel((32, 5)), (200, 30, 30))


def test_training_reads_what_can_be_uploaded(tmp_path):
    from ad_autocategorize.photos.training.images import read_photo

    path = tmp_path / "photo"
    path.write_bytes(encoded(Image.new("RGB", (10_400, 10_400), (200, 30, 30)), "JPEG"))
    assert read_photo(path).size == (640, 640)
    path.write_bytes(heic(picture()))
    assert read_photo(path).size == (64, 48)


def test_the_walk_of_markers_counts_what_the_decoder_would_decode():
    assert read_header(scans_of(64, 48, 30)).scans > 30
    assert read_header(encoded(picture(), "JPEG")).scaled
    assert not read_header(encoded(picture(), "JPEG", progressive=True)).scaled
