"""What the demo stores of a photo, and what it says of a file that is none."""

import io

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import translation
from PIL import Image

from ad_autocategorize.photo_uploads import explain
from ad_autocategorize.photos.uploads import UploadRefused
from marketplace.photos import clean_photo


def taken_at_home():
    """A phone's photo: on its side, with the place it was taken."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Phone"
    exif.get_ifd(0x8825).update({1: "S", 2: (34.0, 36.0, 12.0), 3: "W", 4: (58.0, 22.0, 54.0)})
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(buffer, "JPEG", exif=exif, comment=b"at home")
    return buffer.getvalue()


def test_the_place_is_not_stored():
    upload = taken_at_home()
    assert Image.open(io.BytesIO(upload)).getexif().get_ifd(0x8825)[2] == (34.0, 36.0, 12.0)
    stored = clean_photo(SimpleUploadedFile("IMG_1.jpg", upload))
    with Image.open(stored) as image:
        assert (image.format, image.size) == ("JPEG", (40, 60))
        assert dict(image.getexif()) == {}
        assert image.getexif().get_ifd(0x8825) == {}
        assert set(image.info) == {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    stored.seek(0)
    content = stored.read()
    for secret in (b"Exif", b"Phone", b"at home"):
        assert secret not in content


@pytest.mark.parametrize("name", ["../../evil.php", "a.jpg\x00.html", "CON", "ñ" * 300])
def test_the_name_is_never_used(name):
    stored = clean_photo(SimpleUploadedFile("x", taken_at_home()))
    renamed = SimpleUploadedFile("x", taken_at_home())
    renamed._name = name
    assert clean_photo(renamed).name != stored.name
    assert len(stored.name) == 20


def test_refusals_are_told_in_the_seller_s_language():
    with translation.override("es"), pytest.raises(ValidationError, match="No es una foto"):
        clean_photo(SimpleUploadedFile("a.jpg", b"<svg/>"))


@pytest.mark.parametrize(
    "code",
    ["empty", "too_large", "unknown_format", "heic", "too_many_pixels", "animated", "too_slow", "metadata", "damaged"],
)
def test_every_refusal_has_its_own_words_in_both_languages(code):
    refused = UploadRefused(code)
    with translation.override("en"):
        english = explain(refused)
    with translation.override("es"):
        assert explain(refused) != english
