import numpy as np
import pytest
from PIL import Image

from ad_autocategorize.photos.preprocessing import Preprocessing
from ad_autocategorize.photos.training.images import PhotoRecord, UnreadablePhoto, pack_photos, read_photo
from ad_autocategorize.photos.training.splitting import split_places
from ad_autocategorize.photos.uploads import READING_LIMITS, decode_upload
from ad_autocategorize.photos.vocabularies import CarLabels


def checkerboard(seed: int, size=(64, 48)) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.NEAREST)


def test_useless_photos_are_counted_and_listed(tmp_path):
    checkerboard(1).save(tmp_path / "good.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "good.jpg").read_bytes()[:300])
    (tmp_path / "text.jpg").write_text("no picture")
    checkerboard(1, (64, 8)).save(tmp_path / "tiny.png")
    names = ["good.jpg", "cut.jpg", "text.jpg", "tiny.png", "gone.jpg"]
    records = [PhotoRecord(tmp_path / name) for name in names]
    for _ in range(2):  # The second time from the packed file.
        packed = pack_photos(records, tmp_path / "cache", 24, 32)
        assert [record.path.name for record in packed.records] == ["good.jpg"]
        assert packed.pixels.shape == (1, 24, 32, 3)
        assert packed.skipped.counts == {
            "damaged, cut short or no picture": 2,
            "smaller than 24 pixels": 1,
            "no such file": 1,
        }
        assert str(tmp_path / "cut.jpg") in packed.skipped.examples["damaged, cut short or no picture"]


def test_photos_are_turned_upright(tmp_path):
    image = Image.new("RGB", (60, 40), "white")
    image.paste("black", (0, 0, 60, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # To be turned a quarter clockwise.
    image.save(tmp_path / "turned.jpg", exif=exif)
    upright = read_photo(tmp_path / "turned.jpg")
    assert upright.size == (40, 60)
    assert upright.getpixel((37, 30))[0] < 60 < 200 < upright.getpixel((5, 30))[0]


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UnreadablePhoto, match="no such file"):
        read_photo(tmp_path / "gone.jpg")


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "CMYK"])
def test_photos_of_any_mode_become_the_same_input(mode):
    prepared = Preprocessing(24, 32).resize(checkerboard(3).convert(mode))
    assert prepared.shape == (24, 32, 3)
    again = Preprocessing.from_dict(Preprocessing(24, 32).to_dict())
    normalized = again.normalize(prepared[None])
    assert normalized.shape == (1, 3, 24, 32)
    assert normalized.dtype == np.float32


def detailed(size):
    """A picture with detail of every size, which each way of scaling renders in its own way."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    fine = rng.integers(-30, 30, (size[1], size[0], 3))
    return Image.fromarray((np.asarray(coarse).astype(int) + fine).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    "kind", ["jpg", "large.jpg", "png", "transparent.png", "palette.png", "16 bits.png", "turned.jpg"]
)
def test_a_photo_is_the_same_input_whether_uploaded_or_read_for_training(tmp_path, kind):
    path = tmp_path / f"photo.{kind}"
    exif = Image.Exif()
    if kind == "large.jpg":
        detailed((2400, 1800)).save(path, quality=92)
    elif kind == "turned.jpg":
        exif[0x0112] = 8
        detailed((480, 640)).save(path, quality=92, exif=exif)
    elif kind == "16 bits.png":
        Image.fromarray(np.asarray(detailed((400, 300)).convert("L")).astype(np.uint16) * 257).save(path)
    elif kind == "transparent.png":
        image = detailed((400, 300)).convert("RGBA")
        image.paste((0, 0, 0, 0), (0, 0, 120, 300))
        image.save(path)
    elif kind == "palette.png":
        image = detailed((400, 300)).convert("P")
        image.save(path, transparency=image.getpixel((200, 150)))
    else:
        detailed((400, 300)).save(path)
    prepare = Preprocessing(96, 128).resize
    trained = prepare(read_photo(path)).astype(int)
    with path.open("rb") as file:
        served = prepare(decode_upload(file, READING_LIMITS)).astype(int)
    assert np.abs(trained - served).mean() < 1
    assert np.abs(trained - served).max() < 12
    assert trained.std() > 20


def test_the_split_parts_neither_groups_nor_near_duplicates(tmp_path):
    records = []
    for number in range(60):
        image = checkerboard(number)
        image.save(tmp_path / f"{number}.png")
        # The same photo in another ad, scaled and compressed.
        image.resize((50, 40)).save(tmp_path / f"{number}-copy.jpg", quality=70)
        records.append(PhotoRecord(tmp_path / f"{number}.png", CarLabels("A"), group=number))
        records.append(PhotoRecord(tmp_path / f"{number}-copy.jpg", CarLabels("A"), group=f"copy {number}"))
    packed = pack_photos(records, tmp_path / "cache", 24, 32)
    held_out = split_places(packed) < 0.3
    np.testing.assert_array_equal(held_out[::2], held_out[1::2])
    assert 6 < held_out[::2].sum() < 30
