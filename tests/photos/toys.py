"""A toy world that a tiny network can solve: the background is the color, the shape the model, its size the year."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import timm
from PIL import Image, ImageChops, ImageDraw
from timm.models import register_model
from torch import nn

from ad_autocategorize.photos.settings import PhotoSettings
from ad_autocategorize.photos.training.images import PhotoRecord
from ad_autocategorize.photos.training.network import CarNetwork
from ad_autocategorize.photos.vocabularies import CarLabels

COLORS = {"red": (200, 30, 30), "blue": (30, 30, 200)}
# Both brands have a "One": the pair says which.
MODELS = (("Ajax", "One"), ("Ajax", "Two"), ("Bolt", "One"))
BODIES = {("Ajax", "One"): "Sedan", ("Ajax", "Two"): "Van", ("Bolt", "One"): "Sedan"}
YEARS = (2000, 2010)


class _Tiny(nn.Sequential):
    """What timm makes of a network: without its last layer where no classes are wanted."""

    def __init__(self, classes):
        layers = []
        for before, after in ((3, 16), (16, 32), (32, 64)):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        layers += [nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        last = [nn.Linear(64, classes)] if classes else []
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *last)
        self.pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


def tiny_test_network(pretrained=False, num_classes=10, **options):
    """A network of 40,000 weights that timm finds by name, as it would a host's own."""
    if "img_size" in options:
        raise TypeError("takes photos of every size")
    return _Tiny(num_classes)


# A test module that is run as a program registers it under another name.
if not timm.is_model("tiny_test_network"):
    register_model(tiny_test_network)


def draw(pair: tuple[str, str], color: str, year: int, rng: np.random.Generator) -> Image.Image:
    # Uneven light, as on any photo: flat pictures would all be near-duplicates.
    light = Image.fromarray(rng.integers(0, 60, (9, 12), dtype=np.uint8)).resize((48, 36), Image.Resampling.BICUBIC)
    image = ImageChops.add(Image.new("RGB", (48, 36), COLORS[color]), light.convert("RGB"))
    pen = ImageDraw.Draw(image)
    side = 9 if year == 2000 else 15
    x, y = 24 + int(rng.integers(-3, 4)), 18 + int(rng.integers(-2, 3))
    box = (x - side, y - side, x + side, y + side)
    if pair == MODELS[0]:
        pen.rectangle(box, fill="white")
    elif pair == MODELS[1]:
        pen.ellipse(box, fill="black")
    else:
        pen.polygon([(x, y - side), (x - side, y + side), (x + side, y + side)], fill="yellow")
    return image


def draw_no_car(rng: np.random.Generator) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (36, 48, 3), dtype=np.uint8))


def make_photos(folder: Path, count: int, *, seed: int = 0, missing: float = 0.2) -> list[PhotoRecord]:
    """Write PNG files; a share of the colors and years is missing, as in ads."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    records = []
    for number in range(count):
        pair = MODELS[number % len(MODELS)]
        color, year = str(rng.choice(list(COLORS))), int(rng.choice(YEARS))
        path = folder / f"{number}.png"
        draw(pair, color, year, rng).save(path)
        labels = CarLabels(
            *pair,
            BODIES[pair],
            None if rng.random() < missing else color,
            None if rng.random() < missing else year,
        )
        records.append(PhotoRecord(path, labels, group=number))
    return records


def make_other_photos(folder: Path, count: int, *, seed: int = 0) -> list[PhotoRecord]:
    """Write PNG files of what is no car."""
    rng = np.random.default_rng(seed)
    paths = [folder / f"other-{number}.png" for number in range(count)]
    for path in paths:
        draw_no_car(rng).save(path)
    return [PhotoRecord(path, is_car=False) for path in paths]


def write_labels(target: Path, records: Sequence[PhotoRecord]) -> None:
    """Write the CSV that ``import_car_photos`` reads."""
    with target.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "brand", "model", "body_type", "color", "year", "split"])
        for record in records:
            labels = record.labels
            values = (labels.brand, labels.model, labels.body_type, labels.color, labels.year)
            rows.writerow([record.path.name, *values, "train"])


def toy_settings(**changes) -> PhotoSettings:
    values = {
        "backbone": "tiny_test_network",
        "weights": "none",
        "height": 24,
        "width": 32,
        "epochs": 4,
        "batch_size": 16,
        "learning_rate": 1e-2,
        "augmentation": "none",
    }
    return PhotoSettings(**{**values, **changes})


def toy_network(vocabularies, backbone="tiny_test_network"):
    return CarNetwork(backbone, vocabularies, 24, 32)
