"""Honest files that were refused once, or came out in other colors or another way up."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from ad_autocategorize.photos.uploads import DEFAULT_LIMITS
from tests.photos.test_decoding import encoded, near, picture
from tests.photos.uploads import (
    decode,
    exif_of,
    heic,
    jpeg_with_exif,
    png_with_exif,
    profile_of,
    refusal,
    webp_with_exif,
)


def test_a_jpeg_that_lacks_its_last_bytes_is_taken_and_one_that_lacks_a_part_is_not(door):
    data = encoded(Image.effect_noise((200, 150), 80).convert("RGB"), "JPEG")
    for cut in (1, 2):
        whole, cut_short = decode(data), decode(data[:-cut])
        assert np.abs(np.asarray(whole).astype(int) - np.asarray(cut_short)).max() == 0
    for left in (0.3, 0.6, 0.97):
        assert refusal(data[: int(len(data) * left)]).code == "damaged"


def test_a_png_that_could_move_and_does_not_is_a_photo(door):
    still = encoded(picture(), "PNG", save_all=True, append_images=[])
    assert decode(still).size == (64, 48)
    frames = [picture(), picture().rotate(90)]
    assert refusal(encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])).code == "animated"


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
