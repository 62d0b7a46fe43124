"""Files of a few bytes that cost seconds or gigabytes, or that say two things."""

import pytest
from PIL import Image

from ad_autocategorize.photos.uploads import Budget
from ad_autocategorize.photos.uploads.headers import read_header
from tests.photos.test_decoding import encoded, picture, png
from tests.photos.uploads import (
    decode,
    exif_of,
    hidden_scans,
    jpeg_with_exif,
    png_with_exif,
    refusal,
    scans_of,
    start_of_frame,
    webp,
    webp_of,
    webp_with_exif,
)

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


def test_photos_of_one_request_share_their_time():
    budget = Budget(0.5)
    data = encoded(picture(), "PNG")
    decode(data, budget=budget)
    assert 0 < budget.left < 0.5
    budget.spend(1)
    assert refusal(data, budget=budget).code == "too_slow"


def test_avif_is_refused_in_words_of_its_own():
    refused = refusal(b"\0\0\0\x1cftypavif" + bytes(100))
    assert refused.code == "avif"
    # As some encoders write it: of the general brand, and compatible with AVIF.
    assert refusal(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif" + bytes(100)).code == "avif"
    assert "JPEG" in refused.message


def test_the_walk_of_markers_counts_what_the_decoder_would_decode():
    assert read_header(scans_of(64, 48, 30)).scans > 30
    assert read_header(encoded(picture(), "JPEG")).scaled
    assert not read_header(encoded(picture(), "JPEG", progressive=True)).scaled
