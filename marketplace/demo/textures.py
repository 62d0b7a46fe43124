"""Pictures of nothing, grained as photographs are, from which the demo's network learns that it knows drawings alone.

Patches cover one another, the smaller the more of them (the dead leaves model, Matheron 1968), over noise that is the
stronger the coarser it is: what photographs have in common, whatever they show.
"""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from marketplace.demo.drawing import SIZE

COUNT = 1500
_COARSEST, _FINEST = 3, 96
_SMALLEST, _LARGEST = 5, 120


def write_textures(folder: Path, count: int = COUNT) -> None:
    """Write pictures and a ``labels.csv`` that names no car in them, as ``import_car_photos`` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as labels:
        rows = csv.writer(labels)
        rows.writerow(["file", "brand"])
        for number in range(count):
            name = f"texture-{number}.jpg"
            (folder / name).write_bytes(draw_texture(number))
            rows.writerow([name, ""])


def draw_texture(seed: int) -> bytes:
    """Return a JPEG; equal seeds give equal pictures."""
    rng, numbers = random.Random(seed), np.random.default_rng(seed)  # noqa: S311
    picture = _noise(numbers, rng)
    for _ in range(rng.randint(8, 60)):
        # As many of a size as its square leaves room for.
        size = _SMALLEST / (1 - rng.random() * (1 - _SMALLEST / _LARGEST))
        x, y = rng.uniform(0, SIZE[0]), rng.uniform(0, SIZE[1])
        mask = Image.new("L", SIZE)
        pen = ImageDraw.Draw(mask)
        if rng.random() < 0.5:
            pen.ellipse((x - size, y - size * rng.uniform(0.2, 1), x + size, y + size * rng.uniform(0.2, 1)), fill=255)
        else:
            corners = [(x + rng.uniform(-size, size), y + rng.uniform(-size, size)) for _ in range(rng.randint(3, 5))]
            pen.polygon(corners, fill=255)
        picture.paste(_tint(rng), mask=mask)
    grain = _noise(numbers, rng)
    picture = Image.blend(picture, grain, rng.uniform(0.05, 0.35))
    picture = picture.filter(ImageFilter.GaussianBlur(rng.choice((0, 0.6, 1.2, 3))))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _noise(numbers: np.random.Generator, rng: random.Random) -> Image.Image:
    """Return noise around a random colour, each octave weaker than the coarser one before it."""
    width, height = SIZE
    total: NDArray[np.float64] = np.zeros((height, width, 3)) + np.array(_tint(rng), dtype=np.float64)
    side, strength, colored = _COARSEST, rng.uniform(20, 70), rng.uniform(0, 1)
    while side <= _FINEST:
        grey = numbers.normal(size=(side * 3 // 4 or 1, side, 1))
        field = (1 - colored * 0.5) * grey + colored * 0.5 * numbers.normal(size=(*grey.shape[:2], 3))
        octave = np.clip(field * 40 + 128, 0, 255).astype(np.uint8)
        large = Image.fromarray(octave).resize(SIZE, Image.Resampling.BICUBIC)
        total += (np.asarray(large, dtype=np.float64) - 128) / 40 * strength
        side, strength = side * 2, strength * rng.uniform(0.45, 0.85)
    return Image.fromarray(np.clip(total, 0, 255).astype(np.uint8))


def _tint(rng: random.Random) -> tuple[int, int, int]:
    """Return a colour, grey ones more often, as in the world."""
    grey, spread = rng.randrange(20, 236), rng.choice((8, 15, 30, 80))
    red, green, blue = (max(0, min(255, grey + rng.randint(-spread, spread))) for _ in range(3))
    return red, green, blue
