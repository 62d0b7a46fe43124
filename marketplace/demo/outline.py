"""Reading ``outline.txt``: the demo's categories and what sellers call the things in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OUTLINE = Path(__file__).with_name("outline.txt")
INDENT = 2


@dataclass(frozen=True, slots=True)
class Branch:
    """A category and the words of its ads; without words it only holds others."""

    path: tuple[str, ...]
    products: tuple[str, ...]


def read_outline() -> Iterator[Branch]:
    """Yield the categories, parents first."""
    path: list[str] = []
    for line in OUTLINE.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        depth = (len(line) - len(line.lstrip())) // INDENT
        name, _, words = line.strip().partition(":")
        path[depth:] = [name]
        yield Branch(tuple(path), tuple(word.strip() for word in words.split(",") if word.strip()))
