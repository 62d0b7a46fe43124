"""A sheet to draw on, in units of its own, and how a drawing becomes a photo: light, tilt, blur, JPEG."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter

# Pixels of the photo; units of the sheet that it shows.
SIZE = (256, 192)
SHEET = (120, 90)
# Drawn twice as large and made smaller, which takes the steps off the edges.
_FINER = 2
_SCALE = SIZE[0] / SHEET[0] * _FINER
# Patches of light over a photo, and how many of 255 levels they change it by.
_PATCHES, _DEPTH = (13, 11), 11

Color = tuple[int, int, int]
Point = tuple[float, float]
_SKIES = ((196, 218, 240), (172, 192, 212), (232, 224, 208), (206, 214, 222), (150, 190, 226))
_GROUNDS = ((104, 104, 108), (138, 130, 118), (104, 134, 88), (164, 158, 150), (122, 146, 100))
_WALLS = ((232, 226, 214), (214, 222, 226), (226, 214, 206), (206, 214, 200), (238, 236, 232), (196, 204, 214))
_FLOORS = ((168, 138, 104), (190, 182, 172), (140, 116, 92), (202, 196, 188), (156, 160, 166))


class Sheet:
    """A scene of 120 x 90 units, ``left`` and ``top`` of which the drawing is moved by, and which is enlarged by ``zoom``."""

    def __init__(self, background: Color) -> None:
        size = (SIZE[0] * _FINER, SIZE[1] * _FINER)
        self.image = Image.new("RGB", size, background)
        self.pen = ImageDraw.Draw(self.image)
        self.left, self.top, self.zoom = 0.0, 0.0, 1.0

    def place(self, point: Point) -> Point:
        """Return where a point of the drawing is in the image."""
        return (self.left + point[0] * self.zoom) * _SCALE, (self.top + point[1] * self.zoom) * _SCALE

    def length(self, units: float) -> int:
        """Return a length in pixels of the image, at least one."""
        return max(1, round(units * self.zoom * _SCALE))

    def box(self, values: Sequence[float]) -> tuple[float, float, float, float]:
        """Return a box (left, top, right, bottom) in pixels of the image."""
        return (*self.place((values[0], values[1])), *self.place((values[2], values[3])))

    def polygon(self, points: Sequence[Point], color: Color, *, soft: bool = False) -> None:
        """Fill a polygon; with ``soft`` its corners are rounded."""
        for _ in range(2 if soft else 0):
            points = _round_corners(points)
        self.pen.polygon([self.place(point) for point in points], fill=color)

    def rectangle(self, values: Sequence[float], color: Color, radius: float = 0) -> None:
        """Fill a box, its corners rounded by a radius."""
        corner = self.length(radius) if radius else 0
        self.pen.rounded_rectangle(self.box(values), corner, fill=color)

    def ellipse(self, values: Sequence[float], color: Color) -> None:
        """Fill the ellipse in a box."""
        self.pen.ellipse(self.box(values), fill=color)

    def line(self, points: Sequence[Point], width: float, color: Color) -> None:
        """Draw a line of a width through points."""
        self.pen.line([self.place(point) for point in points], fill=color, width=self.length(width), joint="curve")

    def arc(self, values: Sequence[float], begin: float, end: float, width: float, color: Color) -> None:
        """Draw the part of the ellipse in a box between two angles in degrees, clockwise from three o'clock."""
        self.pen.arc(self.box(values), begin, end, fill=color, width=self.length(width))

    def photograph(self, rng: random.Random) -> bytes:
        """Return a JPEG of the sheet as a hurried seller takes it."""
        picture = self.image.reduce(_FINER)
        if rng.random() < 0.5:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if rng.random() < 0.4:
            corner: Any = picture.getpixel((2, 2))
            picture = picture.rotate(rng.uniform(-2, 2), Image.Resampling.BILINEAR, fillcolor=corner)
        picture = _light_unevenly(picture, rng)
        light = rng.uniform(0.9, 1.08)
        picture = picture.point([min(255, int(level * light)) for level in range(256)] * 3)
        if rng.random() < 0.2:
            picture = picture.filter(ImageFilter.GaussianBlur(0.8))
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=80)
        return buffer.getvalue()


def outdoors(rng: random.Random) -> Sheet:
    """Return a sheet with a sky, a street or a meadow from y = 58 on, and houses or trees behind it."""
    sheet = Sheet(rng.choice(_SKIES))
    # Whatever is behind, no two pictures are near-duplicates of one another.
    for _ in range(rng.randint(2, 4)):
        x, high, wide = rng.uniform(-10, 120), rng.uniform(14, 46), rng.uniform(12, 30)
        shade = rng.randint(150, 205)
        tint = rng.choice(((shade, shade - 8, shade - 18), (shade - 20, shade - 14, shade), (shade, shade, shade - 6)))
        sheet.rectangle((x, 60 - high, x + wide, 62), tint)
        for row in range(int(high) // 10):
            sheet.rectangle((x + 3, 64 - high + row * 10, x + wide - 3, 67 - high + row * 10), _darker(tint, 0.88))
    for _ in range(rng.randint(0, 3)):
        x, high = rng.uniform(0, 120), rng.uniform(10, 22)
        leaves = (rng.randint(80, 120), rng.randint(130, 160), rng.randint(70, 110))
        sheet.rectangle((x - 1, 50, x + 1, 62), (110, 86, 60))
        sheet.ellipse((x - 8, 52 - high, x + 8, 56), leaves)
    sheet.rectangle((-5, 60, 125, 95), rng.choice(_GROUNDS))
    return sheet


def indoors(rng: random.Random) -> Sheet:
    """Return a sheet with a wall, and a floor or a table from about y = 68 on."""
    sheet = Sheet(rng.choice(_WALLS))
    horizon = rng.uniform(62, 74)
    sheet.rectangle((-5, horizon, 125, 95), rng.choice(_FLOORS))
    sheet.rectangle((-5, horizon, 125, horizon + rng.uniform(0.5, 2.5)), (236, 232, 226))
    if rng.random() < 0.4:
        x, y = rng.uniform(0, 90), rng.uniform(2, 20)
        sheet.rectangle((x, y, x + 24, y + 20), (222, 218, 210))
        sheet.rectangle((x + 2, y + 2, x + 22, y + 18), (190, 206, 222))
    return sheet


def _light_unevenly(picture: Image.Image, rng: random.Random) -> Image.Image:
    """Return the picture with patches of light and shade: flat ones would all be near-duplicates of one another."""
    patches = Image.frombytes("L", _PATCHES, bytes(rng.randrange(2 * _DEPTH) for _ in range(_PATCHES[0] * _PATCHES[1])))
    light = patches.resize(picture.size, Image.Resampling.BILINEAR)
    return ImageChops.add(picture, Image.merge("RGB", [light] * 3), offset=-_DEPTH)


def _darker(color: Color, share: float) -> Color:
    red, green, blue = (max(0, min(255, int(value * share))) for value in color)
    return red, green, blue


def shades(color: Color) -> tuple[Color, Color]:
    """Return a darker and a lighter shade of a colour."""
    red, green, blue = (int(value + (255 - value) * 0.45) for value in color)
    return _darker(color, 0.72), (red, green, blue)


def _round_corners(points: Sequence[Point]) -> list[Point]:
    """Cut each corner at a fifth of its sides (Chaikin, 1974)."""
    cut: list[Point] = []
    for (x, y), (next_x, next_y) in zip(points, [*points[1:], points[0]], strict=True):
        cut += [(0.8 * x + 0.2 * next_x, 0.8 * y + 0.2 * next_y), (0.2 * x + 0.8 * next_x, 0.2 * y + 0.8 * next_y)]
    return cut
