"""Car pictures that the project draws: each model has a silhouette and stripes, each brand a badge, each body type a shape."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from marketplace.demo.drawing import Color, Point, Sheet, outdoors, shades

PAINTS: dict[str, Color] = {
    "Blanco": (246, 246, 244),
    "Negro": (28, 28, 31),
    "Gris": (98, 101, 105),
    "Plata": (184, 191, 199),
    "Rojo": (188, 30, 34),
    "Azul": (30, 68, 166),
    "Verde": (26, 112, 64),
    "Amarillo": (234, 194, 26),
    "Bordó": (102, 12, 38),
    "Beige": (214, 192, 146),
}
# Height of the roof, where it begins and ends, and where the nose and the tail are, as shares of the car's length.
_BODIES = {
    "Hatchback": (0.34, 0.24, 0.86, 0.20, 0.30),
    "Sedan": (0.31, 0.28, 0.68, 0.19, 0.21),
    "SUV": (0.40, 0.22, 0.90, 0.25, 0.34),
    "Pick-up": (0.38, 0.28, 0.55, 0.23, 0.21),
    "Van": (0.44, 0.15, 0.97, 0.22, 0.42),
}
_NEWEST, _OLDEST = 2022, 1987
_OLD_GLASS, _NEW_GLASS = (236, 196, 112), (14, 36, 140)
# Years between one generation and the next: nearer than that a small network cannot tell them.
YEAR_STEP = 5
_BLACK: Color = (26, 26, 28)
_LAMP: Color = (252, 240, 178)
_RIMS: tuple[Color, ...] = ((184, 187, 192), (120, 124, 130), (214, 214, 212), (96, 84, 70))


@dataclass(frozen=True, slots=True)
class DrawnCar:
    """What a picture shows."""

    brand: str
    model: str
    body_type: str
    color: str
    year: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where on the sheet a car stands: its nose and its wheels' feet, and how long it is."""

    left: float
    base: float
    length: float

    def at(self, x: float, y: float) -> Point:
        """Return the place of a point given in shares of the length, upwards from the feet."""
        return self.left + x * self.length, self.base - y * self.length

    def box(self, x: float, y: float, half_width: float, half_height: float) -> tuple[float, float, float, float]:
        """Return the box around such a point."""
        (left, top), (right, bottom) = (
            self.at(x - half_width, y + half_height),
            self.at(x + half_width, y - half_height),
        )
        return left, top, right, bottom


def draw_car(car: DrawnCar, rng: random.Random) -> bytes:
    """Return a JPEG of the car in a place, a light and a position that ``rng`` chooses."""
    sheet = outdoors(rng)
    length = rng.uniform(84, 102)
    place = _Place((120 - length) / 2 + rng.uniform(-6, 6), rng.uniform(70, 80), length)
    sheet.ellipse(place.box(0.5, -0.01, 0.52, 0.03), (70, 70, 72))
    _body(sheet, car, place)
    _marks(sheet, car, place)
    _badge(sheet, car.brand, place)
    return sheet.photograph(rng)


def make_cars(rows: Sequence[tuple[str, str, str, int, int]], count: int, rng: random.Random) -> Iterator[DrawnCar]:
    """Yield cars of the catalog's rows (brand, model, body type, first and last year); newer ones more often."""
    for _ in range(count):
        brand, model, body, first, last = rng.choice(rows)
        years = [year for year in range(_OLDEST, _NEWEST + 1, YEAR_STEP) if first <= year <= last] or [first]
        year = rng.choices(years, [place + 2 for place in range(len(years))])[0]
        yield DrawnCar(brand, model, body, rng.choice(list(PAINTS)), year)


def _body(sheet: Sheet, car: DrawnCar, place: _Place) -> None:
    height, start, end, nose, tail = _BODIES.get(car.body_type, _BODIES["Sedan"])
    # Each model bends its body type's shape a little in its own way.
    own = random.Random(f"{car.brand} {car.model}")  # noqa: S311
    height *= own.uniform(0.86, 1.14)
    start += own.uniform(-0.07, 0.06)
    end += own.uniform(-0.07, 0.02)
    tail = min(tail, height - 0.1)
    paint = PAINTS[car.color]
    darker, _ = shades(paint)
    outline = [
        (0, 0.07), (0.01, nose * 0.85), (start - 0.08, nose), (start + 0.07, height), (end - 0.04, height),
        (min(0.99, end + 0.06), tail), (0.99, tail * 0.94), (1, 0.07),
    ]  # fmt: skip
    sheet.polygon([place.at(x, y) for x, y in outline], paint, soft=True)
    sheet.polygon([place.at(x, y) for x, y in ((0.02, 0.05), (0.98, 0.05), (0.98, 0.085), (0.02, 0.085))], darker)
    _windows(sheet, car, place, (height, start, end, nose, tail))
    radius, rim = 0.07 + own.uniform(0, 0.014), own.choice(_RIMS)
    for x in (0.2, 0.8):
        _wheel(sheet, place, x, radius, rim)


def _windows(sheet: Sheet, car: DrawnCar, place: _Place, shape: tuple[float, float, float, float, float]) -> None:
    height, start, end, nose, tail = shape
    # Newer cars have bluer glass.
    share = (car.year - _OLDEST) / (_NEWEST - _OLDEST)
    old, new = _OLD_GLASS, _NEW_GLASS
    red, green, blue = (round(old[part] + share * (new[part] - old[part])) for part in range(3))
    glass = [(start, nose + 0.015), (start + 0.09, height - 0.03), (end - 0.06, height - 0.03), (end, tail + 0.02)]
    sheet.polygon([place.at(x, y) for x, y in glass], (red, green, blue))
    darker, _ = shades(PAINTS[car.color])
    post = start + (end - start) * 0.52
    sheet.line([place.at(post, height - 0.01), place.at(post, nose * 0.95)], 1.6, PAINTS[car.color])
    sheet.line([place.at(post, nose * 0.95), place.at(post, 0.09)], 0.5, darker)
    sheet.line([place.at(post + 0.04, nose * 0.8), place.at(post + 0.09, nose * 0.8)], 0.8, darker)


def _wheel(sheet: Sheet, place: _Place, x: float, radius: float, rim: Color) -> None:
    sheet.ellipse(place.box(x, radius * 0.9, radius * 1.16, radius * 1.16), (46, 46, 50))
    sheet.ellipse(place.box(x, radius * 0.9, radius, radius), _BLACK)
    sheet.ellipse(place.box(x, radius * 0.9, radius * 0.58, radius * 0.58), rim)
    sheet.ellipse(place.box(x, radius * 0.9, radius * 0.16, radius * 0.16), (60, 60, 64))


def _badge(sheet: Sheet, brand: str, place: _Place) -> None:
    own = random.Random(brand)  # noqa: S311
    # Larger than on any car: a small network is to learn it in a minute.
    x, y, radius = 0.11, 0.14, 0.068
    color, white = _any_color(own), (250, 250, 250)
    kind = own.randrange(3)
    if kind == 0:
        sheet.ellipse(place.box(x, y, radius, radius), white)
        sheet.ellipse(place.box(x, y, radius * 0.8, radius * 0.8), color)
    elif kind == 1:
        sheet.rectangle(place.box(x, y, radius, radius * 0.9), white, radius=1.2)
        sheet.rectangle(place.box(x, y, radius * 0.8, radius * 0.7), color, radius=0.8)
    else:
        for size, ink in ((1.2, white), (0.8, color)):
            corners = (
                (x, y + radius * size),
                (x - radius * size, y - radius * size),
                (x + radius * size, y - radius * size),
            )
            sheet.polygon([place.at(*corner) for corner in corners], ink)
    slope = own.uniform(-0.6, 0.6) * radius
    sheet.line([place.at(x - radius * 0.6, y - slope), place.at(x + radius * 0.6, y + slope)], 1.2, _any_color(own))


def _marks(sheet: Sheet, car: DrawnCar, place: _Place) -> None:
    """Draw what tells the year, a rear lamp that gets longer, and the model, stripes along the door."""
    share = (car.year - _OLDEST) / (_NEWEST - _OLDEST)
    lamp = 0.02 + 0.13 * max(0.0, min(1.0, share))
    sheet.rectangle(place.box(0.965 - lamp / 2, 0.155, lamp / 2, 0.024), (214, 60, 50), radius=0.6)
    sheet.rectangle(place.box(0.035, 0.165, 0.022, 0.016), _LAMP, radius=0.8)
    own = random.Random(car.model)  # noqa: S311
    for row in range(own.randint(1, 3)):
        y = 0.1 + 0.036 * row
        begin, end = sorted((own.uniform(0.28, 0.42), own.uniform(0.52, 0.72)))
        sheet.line([place.at(begin, y), place.at(end, y)], 2.6, _any_color(own))


def _any_color(rng: random.Random) -> Color:
    return rng.randrange(256), rng.randrange(256), rng.randrange(256)
