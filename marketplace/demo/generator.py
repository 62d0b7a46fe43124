"""Titles as sellers write them: brands, sizes, haste, and now and then the wrong category."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from marketplace.demo.outline import Branch

MISLABELLED = 0.03
TYPO = 0.06
DAYS = 730

_OPENINGS = ("vendo", "vendo urgente", "oferta", "liquido", "oportunidad", "permuto", "se vende", "gran oferta")
_CONDITIONS = (
    "impecable", "excelente estado", "nuevo", "usado", "como nuevo", "sin uso", "en caja", "poco uso", "muy bueno",
    "con garantia", "para repuesto", "a estrenar", "divino", "unico dueño", "al dia",
)  # fmt: skip
_BRANDS = {
    "Tecnología": ("samsung", "sony", "lg", "philips", "xiaomi", "hp", "noblex", "genius"),
    "Electrodomésticos": ("samsung", "lg", "philips", "drean", "whirlpool", "atma", "gafa", "longvie"),
    "Hogar y muebles": ("piero", "mor", "tramontina", "philco", "artesanal"),
    "Moda y accesorios": ("nike", "adidas", "levis", "zara", "puma", "talle m", "talle l", "talle 40"),
    "Deportes y aire libre": ("nike", "adidas", "puma", "topper", "venzo", "shimano"),
    "Herramientas y construcción": ("bosch", "makita", "black decker", "stanley", "gamma", "dewalt"),
    "Música": ("yamaha", "fender", "casio", "ibanez", "marshall"),
    "Autos y camionetas": ("1.6", "full full", "gnc", "diesel", "5 puertas", "nafta", "4x4", "automatico"),
    "Repuestos y accesorios": (
        "volkswagen gol",
        "fiat palio",
        "ford ka",
        "chevrolet corsa",
        "renault clio",
        "original",
    ),
    "Bebés": ("chicco", "graco", "infanti", "fisher price"),
}
_DETAILS = (
    "{n} unidades", "{n} cuotas", "zona centro", "envio gratis", "a domicilio", "modelo {year}", "año {year}",
    "{n} litros", "{n} cm", "{n}gb", "color negro", "color blanco", "rojo", "azul", "con accesorios", "por mayor",
    "capital federal", "zona norte", "rosario", "cordoba", "n° {n}", "x{n}",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DemoAd:
    """A made-up ad; ``path`` is where its seller filed it."""

    title: str
    path: tuple[str, ...]
    price: Decimal | None
    created_at: datetime


def generate_ads(branches: Sequence[Branch], count: int, *, until: datetime, seed: int) -> Iterator[DemoAd]:
    """Yield ``count`` ads; equal arguments give equal ads.

    How many a category gets falls off as one over its rank, as on real sites. Some sellers pick a category beside the right
    one, or any; nothing in the ad tells.
    """
    rng = random.Random(seed)
    sold = [branch for branch in branches if branch.products]
    rng.shuffle(sold)
    weights = [1 / (rank + 4) for rank in range(len(sold))]
    for branch in rng.choices(sold, weights, k=count):
        filed = _wrong_branch(rng, branch, sold) if rng.random() < MISLABELLED else branch
        price = None if rng.random() < 0.1 else Decimal(rng.randrange(1, 9999) * 10 ** rng.randrange(1, 4))
        created = until - timedelta(minutes=rng.randrange(DAYS * 24 * 60))
        yield DemoAd(_title(rng, branch)[:120], filed.path, price, created)


def _wrong_branch(rng: random.Random, branch: Branch, sold: Sequence[Branch]) -> Branch:
    siblings = [other for other in sold if other.path[:-1] == branch.path[:-1] and other is not branch]
    return rng.choice(siblings if siblings and rng.random() < 0.7 else list(sold))


def _title(rng: random.Random, branch: Branch) -> str:
    words = [rng.choice(branch.products)]
    brands = next((_BRANDS[step] for step in reversed(branch.path) if step in _BRANDS), ())
    if brands and rng.random() < 0.55:
        words.append(rng.choice(brands))
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        words.append(rng.choice(_DETAILS).format(n=rng.randrange(1, 60), year=rng.randrange(1995, 2025)))
    if rng.random() < 0.5:
        words.append(rng.choice(_CONDITIONS))
    if rng.random() < 0.25:
        words.insert(0, rng.choice(_OPENINGS))
    title = " ".join(words)
    if rng.random() < TYPO:
        title = _mistype(rng, title)
    return title.upper() if rng.random() < 0.08 else title.capitalize()


def _mistype(rng: random.Random, title: str) -> str:
    at = rng.randrange(len(title) - 1)
    swapped = title[:at] + title[at + 1] + title[at] + title[at + 2 :]
    return rng.choice((swapped, title[:at] + title[at + 1 :]))
