"""Car pictures that the project draws itself: each model has a silhouette and a badge, each body type a shape."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFilter

SIZE = (256, 160)
PAINTS = {
    "Blanco": (238, 238, 236),
    "Negro": (28, 28, 30),
    "Gris": (110, 112, 115),
    "Plata": (188, 192, 197),
    "Rojo": (190, 28, 32),
    "Azul": (28, 62, 160),
    "Verde": (24, 112, 62),
    "Amarillo": (236, 196, 22),
    "Bordó": (105, 16, 34),
    "Beige": (214, 196, 160),
}
# Height of the roof, where it begins and ends, and where the nose and the tail are, as shares of the car's length.
_BODIES = {
    "Hatchback": (0.34, 0.24, 0.84, 0.20, 0.30),
    "Sedan": (0.32, 0.28, 0.68, 0.19, 0.21),
    "SUV": (0.42, 0.22, 0.90, 0.25, 0.34),
    "Pick-up": (0.40, 0.28, 0.55, 0.23, 0.21),
    "Van": (0.48, 0.16, 0.97, 0.21, 0.46),
}
_SKIES = ((200, 220, 240), (170, 185, 200), (235, 225, 205), (140, 150, 165))
_GROUNDS = ((95, 95, 98), (130, 122, 110), (90, 110, 80), (160, 155, 150))
_NEWEST, _OLDEST = 2025, 1985
_OLD_GLASS, _NEW_GLASS = (225, 190, 120), (15, 35, 120)


@dataclass(frozen=True, slots=True)
class DrawnCar:
    """What a picture shows."""

    brand: str
    model: str
    body_type: str
    color: str
    year: int


def draw_car(car: DrawnCar, rng: random.Random) -> bytes:
    """Return a JPEG of the car in a place, a light and a position that ``rng`` chooses."""
    canvas = Image.new("RGB", SIZE, rng.choice(_SKIES))
    pen = ImageDraw.Draw(canvas)
    ground = rng.randint(96, 116)
    pen.rectangle((0, ground, SIZE[0], SIZE[1]), fill=rng.choice(_GROUNDS))
    _clouds_and_walls(pen, ground, rng)
    length = rng.randint(176, 214)
    left, base = (SIZE[0] - length) / 2 + rng.uniform(-12, 12), ground + rng.uniform(12, 22)
    _body(pen, car, left, base, length)
    _badge(pen, car.brand, left + 0.09 * length, base - 0.12 * length, length)
    _marks(pen, car, left, base, length)
    if rng.random() < 0.5:
        canvas = canvas.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    canvas = canvas.rotate(rng.uniform(-2, 2), Image.Resampling.BILINEAR, fillcolor=(128, 128, 128))
    light = rng.uniform(0.85, 1.12)
    canvas = canvas.point([min(255, int(level * light)) for level in range(256)] * 3)
    if rng.random() < 0.3:
        canvas = canvas.filter(ImageFilter.GaussianBlur(0.7))
    return _jpeg(canvas)


def draw_other(rng: random.Random) -> bytes:
    """Return a JPEG of something that is no car: boxes, balls and stripes."""
    canvas = Image.new("RGB", SIZE, _any_color(rng))
    pen = ImageDraw.Draw(canvas)
    for _ in range(rng.randint(2, 9)):
        box = sorted(rng.sample(range(SIZE[0]), 2)), sorted(rng.sample(range(SIZE[1]), 2))
        corners = (box[0][0], box[1][0], box[0][1], box[1][1])
        rng.choice((pen.rectangle, pen.ellipse))(corners, fill=_any_color(rng))
    for _ in range(rng.randint(0, 6)):
        ends = [(rng.randrange(SIZE[0]), rng.randrange(SIZE[1])) for _ in range(2)]
        pen.line(ends, fill=_any_color(rng), width=rng.randint(2, 14))
    return _jpeg(canvas)


def make_cars(rows: Sequence[tuple[str, str, str, int, int]], count: int, rng: random.Random) -> Iterator[DrawnCar]:
    """Yield cars of the catalog's rows (brand, model, body type, first and last year)."""
    for number in range(count):
        brand, model, body, first, last = rows[number % len(rows)]
        # Model years five years apart, which a small network can tell.
        years = [year for year in range(_OLDEST, _NEWEST + 1, 5) if first <= year <= last] or [first]
        yield DrawnCar(brand, model, body, rng.choice(list(PAINTS)), rng.choice(years))


def _clouds_and_walls(pen: ImageDraw.ImageDraw, ground: int, rng: random.Random) -> None:
    """Draw a background, so that no two pictures are near-duplicates of one another."""
    for _ in range(rng.randint(3, 7)):
        x, y, wide = rng.randrange(SIZE[0]), rng.randrange(ground), rng.randint(20, 80)
        shade = rng.randint(120, 235)
        pen.ellipse((x - wide, y - wide / 3, x + wide, y + wide / 3), fill=(shade, shade, min(255, shade + 12)))
    for _ in range(rng.randint(0, 3)):
        x, wide, high = rng.randrange(SIZE[0]), rng.randint(15, 60), rng.randint(15, 70)
        shade = rng.randint(90, 200)
        pen.rectangle((x, ground - high, x + wide, ground), fill=(shade, int(shade * 0.9), int(shade * 0.8)))


def _body(pen: ImageDraw.ImageDraw, car: DrawnCar, left: float, base: float, length: float) -> None:
    height, start, end, nose, tail = _BODIES.get(car.body_type, _BODIES["Sedan"])
    # Each model bends its body type's shape a little in its own way.
    own = random.Random(f"{car.brand} {car.model}")  # noqa: S311
    height *= own.uniform(0.82, 1.18)
    start += own.uniform(-0.09, 0.08)
    end += own.uniform(-0.09, 0.03)
    shape = [
        (0, 0.06), (0.01, nose * 0.8), (start - 0.08, nose), (start + 0.06, height), (end - 0.04, height),
        (min(0.99, end + 0.05), tail), (0.99, tail * 0.95), (1, 0.06),
    ]  # fmt: skip
    pen.polygon([(left + x * length, base - y * length) for x, y in shape], fill=PAINTS[car.color])
    glass = [(start, nose + 0.02), (start + 0.08, height - 0.03), (end - 0.06, height - 0.03), (end, tail + 0.03)]
    # Newer cars have bluer glass.
    share = (car.year - _OLDEST) / (_NEWEST - _OLDEST)
    tint = tuple(round(old + share * (new - old)) for old, new in zip(_OLD_GLASS, _NEW_GLASS, strict=True))
    pen.polygon([(left + x * length, base - y * length) for x, y in glass], fill=tint)
    post = left + (start + end) / 2 * length
    pen.line([(post, base - height * length), (post, base - 0.1 * length)], fill=(40, 40, 44), width=2)
    for x in (0.2, 0.8):
        middle, radius = left + x * length, (0.068 + own.uniform(0, 0.02)) * length
        pen.ellipse((middle - radius, base - radius, middle + radius, base + radius), fill=(22, 22, 24))
        hub = radius * 0.55
        pen.ellipse((middle - hub, base - hub, middle + hub, base + hub), fill=(176, 178, 182))


def _badge(pen: ImageDraw.ImageDraw, brand: str, x: float, y: float, length: float) -> None:
    own = random.Random(brand)  # noqa: S311
    # Larger than on any car: a small network is to learn it in a minute.
    color, radius = _any_color(own), 0.075 * length
    box = (x - radius, y - radius, x + radius, y + radius)
    kind = own.randrange(3)
    if kind == 0:
        pen.ellipse(box, fill=color, outline="white", width=2)
    elif kind == 1:
        pen.rectangle(box, fill=color, outline="white", width=2)
    else:
        pen.polygon([(x, y - radius), (x - radius, y + radius), (x + radius, y + radius)], fill=color, outline="white")
    pen.line([(x - radius, y), (x + radius, y + own.uniform(-radius, radius))], fill=_any_color(own), width=3)


def _marks(pen: ImageDraw.ImageDraw, car: DrawnCar, left: float, base: float, length: float) -> None:
    """Draw what tells the year, a lamp that gets longer, and the model, stripes along the door."""
    share = (car.year - _OLDEST) / (_NEWEST - _OLDEST)
    lamp = (0.02 + 0.11 * max(0.0, min(1.0, share))) * length
    pen.rectangle(
        (left + 0.92 * length - lamp, base - 0.17 * length, left + 0.97 * length, base - 0.13 * length),
        fill=(250, 240, 180),
    )
    own = random.Random(car.model)  # noqa: S311
    for place in range(own.randint(1, 3)):
        y = base - (0.06 + 0.045 * place) * length
        ends = sorted((own.uniform(0.28, 0.42), own.uniform(0.52, 0.72)))
        pen.line([(left + ends[0] * length, y), (left + ends[1] * length, y)], fill=_any_color(own), width=6)


def _any_color(rng: random.Random) -> tuple[int, int, int]:
    return rng.randrange(256), rng.randrange(256), rng.randrange(256)


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=82)
    return buffer.getvalue()
