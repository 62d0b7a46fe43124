"""A small tree of uneven depth and titles for it: ads stop at inner nodes, one node has a single child."""

import random

CARS, PARTS, TYRES, HOME, SOFAS, BOOKS = (1,), (1, 2), (1, 2, 3), (4,), (4, 5), (6, 7)
WORDS = {
    CARS: ["auto", "sedan", "camioneta", "4x4", "diesel"],
    PARTS: ["repuesto", "bujía", "motor", "filtro", "correa"],
    TYRES: ["neumático", "cubierta", "205/55", "r16", "llanta"],
    HOME: ["mesa", "silla", "lámpara", "cuadro", "espejo"],
    SOFAS: ["sofá", "sillón", "futón", "cuerpos", "tapizado"],
    BOOKS: ["libro", "novela", "cuentos", "tapa", "edición"],
}


def labelled_titles(count: int = 300, seed: int = 0) -> tuple[list[str], list[tuple[int, ...]]]:
    rng = random.Random(seed)
    titles, paths = [], []
    for number in range(count):
        path = list(WORDS)[number % len(WORDS)]
        words = rng.choices(WORDS[path], k=3) + rng.choices(["vendo", "usado", "azul", "Córdoba", "2019"], k=2)
        rng.shuffle(words)
        titles.append(" ".join(words))
        paths.append(path)
    return titles, paths
