"""Ads as sellers write them: the thing, its state, haste, and now and then the wrong category."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from marketplace.demo.outline import Branch, Prices

MISLABELLED = 0.03
TYPO = 0.05
WITHOUT_PRICE = 0.08
DAYS = 730

_OPENINGS = ("vendo", "vendo", "vendo urgente", "oferta", "liquido", "oportunidad", "permuto", "se vende")
# What is added to the thing, by the first steps of the category's path: nobody sells a flat "in its box".
_ENDINGS = {
    ("Vehículos", "Repuestos y accesorios"): (
        "original", "usado", "nuevo", "impecable", "envios", "sin uso", "alternativo", "con garantia", "a reparar",
    ),
    ("Vehículos",): (
        "impecable", "excelente estado", "unico dueño", "al dia", "poco uso", "permuto", "financio", "titular",
        "listo para transferir", "recibo menor", "de garage",
    ),
    ("Inmuebles",): (
        "apto credito", "excelente ubicacion", "luminoso", "dueño directo", "a estrenar", "sin expensas", "impecable",
        "con cochera", "oportunidad", "apto profesional", "zona tranquila",
    ),
    ("Artículos", "Moda y accesorios"): (
        "nuevo", "sin uso", "poco uso", "impecable", "con etiqueta", "negro", "azul", "hermoso", "importado", "divino",
    ),
    ("Artículos", "Tecnología"): (
        "impecable", "excelente estado", "nuevo", "usado", "sin uso", "en caja", "con garantia", "envio gratis", "funcionando",
        "poco uso", "con detalles", "negro", "con cargador",
    ),
    ("Artículos", "Electrodomésticos"): (
        "impecable", "funcionando", "nuevo", "usado", "en caja", "con garantia", "poco uso", "a reparar", "blanco",
        "liquido por mudanza", "retiro en flores",
    ),
    ("Artículos", "Mascotas"): ("envio gratis", "nuevo", "zona norte", "retiro en flores", "zona centro", "oferta"),
    ("Artículos",): (
        "impecable", "excelente estado", "nuevo", "usado", "como nuevo", "sin uso", "poco uso", "muy bueno", "a estrenar",
        "envio gratis", "zona centro", "retiro en flores", "liquido por mudanza", "con detalles",
    ),
    ("Servicios",): (
        "presupuesto sin cargo", "consultar", "precios accesibles", "zona norte", "capital y gba", "con experiencia",
        "con referencias", "whatsapp", "todos los dias", "20 años de experiencia",
    ),
}  # fmt: skip
# Sentences of descriptions, by the first step of the path.
_SENTENCES = {
    "Vehículos": (
        "Papeles al día, listo para transferir.", "Se puede ver por la tarde.", "Escucho ofertas razonables.",
        "No contesto preguntas sin sentido.", "Lo vendo por cambio de modelo.", "Service hecho hace dos meses.",
    ),
    "Inmuebles": (
        "A dos cuadras de la avenida.", "Muy luminoso, buena orientación.", "Expensas bajas.", "Visitas con cita previa.",
        "Se pide garantía propietaria.", "Servicios: agua, luz y gas natural.",
    ),
    "Artículos": (
        "Se retira por mi domicilio.", "Funciona todo bien.", "No hago envíos.", "Escucho ofertas.", "Lo vendo porque no lo uso.",
        "Acepto transferencia.", "Precio charlable.", "Hago envíos a todo el país.",
    ),
    "Servicios": (
        "Presupuestos sin cargo.", "Trabajos garantizados.", "Consulte por otras zonas.", "Más de diez años de experiencia.",
        "Atención todos los días.", "Responsabilidad y puntualidad.",
    ),
}  # fmt: skip
# Where sellers look for a place and stop too early: the right category, and the one that they take for it.
_CONFUSED = {
    "Celulares": "Repuestos de celulares",
    "Accesorios de celulares": "Celulares",
    "Repuestos de celulares": "Celulares",
    "Accesorios de consolas": "Videojuegos",
    "Tablets": "Notebooks",
    "Relojes inteligentes": "Relojes y joyas",
    "Motor": "Carrocería",
    "Carrocería": "Repuestos y accesorios",
    "Audio para autos": "Parlantes",
    "Repuestos de motos": "Calle y naked",
    "Repuestos de bicicleta": "Mountain bike",
    "Bicicletas fijas": "Bicicletas de paseo",
    "Bicicletas de niños": "Vehículos de juguete",
    "Ropa de niños": "Ropa de bebé",
    "Sillas y butacas": "Mesas y sillas",
    "Muebles de jardín": "Mesas y sillas",
    "Talleres mecánicos": "Motor",
    "Electrodomésticos": "Lavado",
    "Fútbol": "Calzado de hombre",
}
_CATCH_ALL = "Otros artículos"


@dataclass(frozen=True, slots=True)
class DemoAd:
    """A made-up ad; ``path`` is where its seller filed it, ``right_path`` where it belongs."""

    title: str
    description: str
    path: tuple[str, ...]
    right_path: tuple[str, ...]
    price: Decimal | None
    dollars: bool
    created_at: datetime


def generate_ads(branches: Sequence[Branch], count: int, *, until: datetime, seed: int) -> Iterator[DemoAd]:
    """Yield ``count`` ads; equal arguments give equal ads.

    Categories get ads by their size. Some sellers pick a category near the right one; nothing in the ad tells.
    """
    rng = random.Random(seed)
    sold = [branch for branch in branches if branch.titles]
    places = _Places(sold)
    for branch in rng.choices(sold, [branch.size for branch in sold], k=count):
        filed = places.mistaken(branch, rng) if rng.random() < MISLABELLED else branch
        yield DemoAd(
            write_title(branch, rng),
            describe(branch.path, rng),
            filed.path,
            branch.path,
            make_price(branch.prices, rng),
            branch.prices is not None and branch.prices.dollars,
            until - timedelta(minutes=rng.randrange(DAYS * 24 * 60)),
        )


def write_title(branch: Branch, rng: random.Random) -> str:
    """Return a title for an ad of a category, with what hurried sellers do to it."""
    return dress_title(branch.write_title(rng), branch.path, rng)


def dress_title(words: str, path: tuple[str, ...], rng: random.Random) -> str:
    """Return the words that name a thing as a seller writes them over an ad of a category."""
    parts = [words]
    ending = rng.choice(_endings(path))
    if rng.random() < 0.45 and ending not in words:
        parts.append(ending)
    if path[0] != "Servicios" and rng.random() < 0.2:
        parts.insert(0, rng.choice(_OPENINGS))
    title = " ".join(parts)
    if rng.random() < TYPO:
        title = _mistype(rng, title)
    if rng.random() < 0.08:
        title = title.upper()
    elif rng.random() < 0.7:
        title = title[0].upper() + title[1:]
    return title[:120]


def describe(path: tuple[str, ...], rng: random.Random) -> str:
    """Return up to three sentences about what is sold in a category; some sellers write none."""
    sentences = _SENTENCES[path[0]]
    return " ".join(rng.sample(sentences, rng.choice((0, 1, 2, 2, 3))))


def make_price(prices: Prices | None, rng: random.Random) -> Decimal | None:
    """Return a price between the usual ones, low ones more often, rounded as people do; some ads name none."""
    if prices is None or rng.random() < WITHOUT_PRICE:
        return None
    price = math.exp(rng.uniform(math.log(prices.low), math.log(prices.high)))
    step = 10 ** max(0, int(math.log10(price)) - 1)
    return Decimal(max(1, round(price / step)) * step)


class _Places:
    """Where ads of a category end up that are filed in the wrong one."""

    def __init__(self, sold: Sequence[Branch]) -> None:
        self._sold = sold
        self._named = {branch.path[-1]: branch for branch in sold}

    def mistaken(self, right: Branch, rng: random.Random) -> Branch:
        """Return the category that is often taken for the right one, or one beside it, or the one for everything else."""
        confused = self._named.get(_CONFUSED.get(right.path[-1], ""))
        if confused is not None and rng.random() < 0.6:
            return confused
        beside = [other for other in self._sold if other.path[:-1] == right.path[:-1] and other is not right]
        if beside and rng.random() < 0.8:
            return rng.choice(beside)
        return self._named.get(_CATCH_ALL, right) if right.path[0] == "Artículos" else rng.choice(beside or [right])


def _endings(path: tuple[str, ...]) -> tuple[str, ...]:
    for steps in (2, 1):
        if path[:steps] in _ENDINGS:
            return _ENDINGS[path[:steps]]
    return _ENDINGS["Artículos",]


def _mistype(rng: random.Random, title: str) -> str:
    at = rng.randrange(len(title) - 1)
    swapped = title[:at] + title[at + 1] + title[at] + title[at + 2 :]
    return rng.choice((swapped, title[:at] + title[at + 1 :]))
