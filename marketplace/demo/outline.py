"""Reading ``outline.txt``: the demo's categories, how many ads each has, at which prices, and what sellers write."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

OUTLINE = Path(__file__).with_name("outline.txt")
INDENT = 2
# Where a line does not say it.
SIZE = 3.0
_LINE = re.compile(r"(?P<name>[^#$:]+?)( #(?P<size>[\d.]+))?( \$(?P<prices>\S+?))?(: (?P<titles>.*))?$")
_CHOICE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Prices:
    """The usual prices of a category: from ``low`` to ``high`` pesos or, with ``dollars``, US dollars."""

    low: int
    high: int
    dollars: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """A category. Without ``titles`` it only holds others; ``prices`` are ``None`` where ads name none.

    ``size`` is how many ads it gets beside the other categories. Titles hold choices for ``write_title``.
    """

    path: tuple[str, ...]
    titles: tuple[str, ...]
    size: float
    prices: Prices | None
    words: Mapping[str, tuple[str, ...]] = field(repr=False)

    def write_title(self, rng: random.Random) -> str:
        """Return one of the titles, with one word of each choice."""
        return _CHOICE.sub(lambda found: self._word(found[1], rng), rng.choice(self.titles))

    def _word(self, choice: str, rng: random.Random) -> str:
        word = rng.choice(choice.split("|"))
        return rng.choice(self.words[word[1:]]) if word.startswith("@") else word


def read_outline() -> Iterator[Branch]:
    """Yield the categories, parents first."""
    path: list[str] = []
    prices: list[Prices | None] = []
    words: dict[str, tuple[str, ...]] = {}
    for line in OUTLINE.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("@"):
            name, _, listed = text[1:].partition(":")
            words[name] = _split(listed)
            continue
        depth = (len(line) - len(line.lstrip())) // INDENT
        found = _LINE.fullmatch(text)
        if found is None:
            raise ValueError(f"{OUTLINE}: {text!r} is no category.")
        inherited = prices[depth - 1] if depth else None
        path[depth:] = [found["name"]]
        prices[depth:] = [_prices(found["prices"]) if found["prices"] else inherited]
        titles = _split(found["titles"] or "")
        yield Branch(tuple(path), titles, float(found["size"] or SIZE), prices[depth], words)


def _prices(text: str) -> Prices | None:
    """Return "10-600", thousands of pesos, or "U100-900", dollars; "-" stands for no prices."""
    if text == "-":
        return None
    unit = 1 if text.startswith("U") else 1000
    low, high = (int(number) * unit for number in text.removeprefix("U").split("-"))
    return Prices(low, high, dollars=unit == 1)


def _split(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
