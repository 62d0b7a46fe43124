"""Who sells: most people have a handful of ads, and a few businesses many of one kind."""

from __future__ import annotations

import random
from collections.abc import Sequence

BUSINESS_SHARE = 0.3
MOST_OF_A_PERSON = 9
_BUSINESSES = {
    ("Vehículos", "Autos y camionetas"): ("automotores_sur", "agencia_rivadavia", "autos_del_parque"),
    ("Vehículos", "Repuestos y accesorios"): ("repuestos_warnes", "desarmadero_oeste", "todo_goma", "casa_del_freno"),
    ("Inmuebles",): ("inmobiliaria_centro", "propiedades_belgrano", "gomez_propiedades", "costa_alquileres"),
    ("Artículos", "Tecnología"): ("cel_express", "compumundo_once", "gamer_store", "tecno_outlet", "mundo_audio"),
    ("Artículos", "Hogar y muebles"): ("muebles_la_fabrica", "deco_hogar", "el_sommier"),
    ("Artículos", "Moda y accesorios"): ("boutique_luna", "calzados_ruben", "feria_americana_ok"),
    ("Artículos", "Herramientas y construcción"): ("ferreteria_tito", "corralon_norte"),
    ("Artículos", "Deportes y aire libre"): ("bicicleteria_veloz", "deportes_union"),
}
_NAMES = (
    "ana", "bruno", "carla", "cami", "damian", "diego", "eli", "eze", "fede", "flor", "fran", "gabi", "gaston", "hernan",
    "ines", "ivan", "javi", "juli", "karina", "lauti", "leo", "lucia", "marce", "maru", "maxi", "mica", "nacho", "nati",
    "nico", "olga", "pablo", "paula", "pipi", "quique", "romi", "rocio", "santi", "sole", "tati", "tomas", "vale", "walter",
    "yani", "zulma",
)  # fmt: skip
_SURNAMES = (
    "acosta", "b", "benitez", "c", "castro", "diaz", "dg", "f", "ferreyra", "gimenez", "gomez", "ibarra", "juarez", "ledesma",
    "lopez", "m", "medina", "molina", "nunez", "ojeda", "paz", "peralta", "quiroga", "rios", "rojas", "sosa", "suarez", "t",
    "torres", "vera", "villalba", "zarate",
)  # fmt: skip


def choose_sellers(paths: Sequence[tuple[str, ...]], known: Sequence[str], rng: random.Random) -> list[str]:
    """Return a user name for each ad, given its category; the people of ``known`` get a handful each, too."""
    names = [_business(path, rng) if rng.random() < BUSINESS_SHARE else "" for path in paths]
    waiting = [place for place, name in enumerate(names) if not name]
    rng.shuffle(waiting)
    used = set(known)
    people = list(known)
    while waiting:
        person = people.pop(0) if people else _person(used, rng)
        count = rng.randint(1, MOST_OF_A_PERSON)
        for place in waiting[:count]:
            names[place] = person
        del waiting[:count]
    return names


def _business(path: tuple[str, ...], rng: random.Random) -> str:
    """Return a business that sells such things; none where there is no such business."""
    for steps in (2, 1):
        if path[:steps] in _BUSINESSES:
            return rng.choice(_BUSINESSES[path[:steps]])
    return ""


def _person(used: set[str], rng: random.Random) -> str:
    """Return a user name that is not taken, and take it."""
    while True:
        name = f"{rng.choice(_NAMES)}{rng.choice(('_', '.', ''))}{rng.choice(_SURNAMES)}"
        if name in used or rng.random() < 0.4:
            name += str(rng.choice((rng.randrange(60, 100), rng.randrange(1, 999), rng.randrange(1960, 2007))))
        if name not in used:
            used.add(name)
            return name
