"""Pictures of what is no car, drawn after ``things.txt``."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from marketplace.demo.drawing import Color, Sheet, indoors, outdoors, shades

THINGS = Path(__file__).with_name("things.txt")
_INKS: dict[str, Color] = {
    "k": (38, 38, 42), "g": (128, 132, 138), "s": (196, 200, 206), "w": (246, 246, 244), "n": (178, 128, 78),
    "d": (112, 76, 44), "y": (242, 204, 76), "l": (160, 206, 232), "v": (82, 146, 78), "r": (200, 52, 48),
    "o": (230, 138, 56),
}  # fmt: skip
_PAINTS: tuple[Color, ...] = (
    (38, 84, 168), (176, 40, 46), (46, 120, 84), (222, 168, 40), (96, 64, 140), (38, 130, 150), (206, 104, 60),
    (70, 78, 92), (190, 84, 128), (128, 148, 60),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """One of the shapes of a drawing; ``ink`` is a letter of ``things.txt``."""

    kind: str
    numbers: tuple[float, ...]
    ink: str


@dataclass(frozen=True, slots=True)
class Thing:
    """A drawing, and the names of the categories whose ads it shows."""

    name: str
    categories: tuple[str, ...]
    shapes: tuple[Shape, ...]
    outdoors: bool


@cache
def read_things() -> tuple[Thing, ...]:
    """Return the drawings of ``things.txt``."""
    lines = THINGS.read_text(encoding="utf-8").splitlines()
    return tuple(_thing(line) for line in lines if line.strip() and not line.startswith("#"))


def _thing(line: str) -> Thing:
    name, categories, drawn = (part.strip() for part in line.split("|"))
    shapes = []
    for text in drawn.split(";"):
        kind, *numbers, ink = text.split()
        shapes.append(Shape(kind, tuple(float(number) for number in numbers), ink))
    listed = tuple(category.strip() for category in categories.split(","))
    return Thing(name.rstrip("*"), listed, tuple(shapes), name.endswith("*"))


def thing_of(path: Sequence[str]) -> Thing | None:
    """Return the drawing for a category: that of its last step that any drawing names; ``None`` where none does."""
    by_category = _things_by_category()
    return next((by_category[step] for step in reversed(path) if step in by_category), None)


@cache
def _things_by_category() -> dict[str, Thing]:
    return {category: thing for thing in read_things() for category in thing.categories}


def draw_thing(thing: Thing, rng: random.Random) -> bytes:
    """Return a JPEG of the thing in a place, a colour and a position that ``rng`` chooses."""
    sheet = (outdoors if thing.outdoors else indoors)(rng)
    sheet.zoom = rng.uniform(0.84, 1.04)
    sheet.left = 60 * (1 - sheet.zoom) + rng.uniform(-5, 5)
    sheet.top = 80 * (1 - sheet.zoom) + rng.uniform(-2, 4)
    sheet.ellipse((24, 75, 96, 84), (110, 106, 102))
    paint = rng.choice(_PAINTS)
    darker, lighter = shades(paint)
    inks = {**_INKS, "a": paint, "b": darker, "c": lighter}
    for shape in thing.shapes:
        _draw(sheet, shape, inks[shape.ink])
    return sheet.photograph(rng)


def _draw(sheet: Sheet, shape: Shape, color: Color) -> None:
    numbers = shape.numbers
    if shape.kind == "rect":
        sheet.rectangle(numbers, color)
    elif shape.kind == "round":
        sheet.rectangle(numbers[:4], color, radius=numbers[4])
    elif shape.kind == "oval":
        sheet.ellipse(numbers, color)
    elif shape.kind == "poly":
        sheet.polygon(_points(numbers), color)
    elif shape.kind == "line":
        sheet.line(_points(numbers[1:]), numbers[0], color)
    elif shape.kind == "arc":
        sheet.arc(numbers[3:], numbers[1], numbers[2], numbers[0], color)
    else:
        raise ValueError(f"{THINGS}: there is no shape {shape.kind!r}.")


def _points(numbers: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip(numbers[::2], numbers[1::2], strict=True))
