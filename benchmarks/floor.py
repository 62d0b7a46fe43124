"""What a floor under suggestions costs and spares: ``python -m benchmarks.floor FILE ...``; looks at the training parts alone.

Each row is one floor: titles without any suggestion, how many of those would have been right, the right category among those
offered, and made-up words that are answered all the same.
"""

from __future__ import annotations

import argparse
import random
import string
from pathlib import Path

import numpy as np

from ad_autocategorize.confidence import FURTHER_OFFER, LIKELY
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import train
from benchmarks.datasets import read_title_set

FIRST_OFFERS = (0.05, 0.1, 0.15, 0.2, 0.25)
LIFTS = (1.0, 2.0, 3.0)
TRAINED_ON = 0.7
NONSENSE = 200
OFFERS = 3


def nonsense(number: int, seed: int = 1) -> list[str]:
    """Return titles of three made-up words each."""
    chosen = random.Random(seed)
    words = ["".join(chosen.choices(string.ascii_lowercase, k=chosen.randint(4, 8))) for _ in range(3 * number)]
    return [" ".join(words[3 * place : 3 * place + 3]) for place in range(number)]


def measure(file: Path) -> None:
    """Print the table of one set."""
    data = read_title_set(file)
    keys: dict[tuple[str, ...], int] = {}

    def path_of(names: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(keys.setdefault(names[: depth + 1], len(keys) + 1) for depth in range(len(names)))

    order = np.random.default_rng(0).permutation(len(data.train_titles))
    trained_on, asked = np.split(order, [int(len(order) * TRAINED_ON)])
    titles, paths = data.train_titles, [path_of(path) for path in data.train_paths]
    scorer = train(
        [titles[i] for i in trained_on], [paths[i] for i in trained_on], TitleSettings(language=data.language)
    ).scorer
    categories = {path: place for place, path in enumerate(scorer.tree.categories)}
    prior = scorer.priors
    places, probabilities = scorer.rank([titles[i] for i in asked], OFFERS)
    right = places == np.array([categories.get(paths[i], -1) for i in asked])[:, None]
    made_up_places, made_up = scorer.rank(nonsense(NONSENSE), 1)
    print(f"{data.name}: {len(trained_on)} titles learned, {len(asked)} asked, {len(categories)} categories")
    print("floor  lift  silent  of these right  right among offers  of all three  made-up words answered")
    for first in FIRST_OFFERS:
        for lift in LIFTS:
            needed = np.maximum(first, np.minimum(lift * prior, LIKELY))
            shown = probabilities[:, 0] >= needed[places[:, 0]]
            offered = shown[:, None] & (probabilities >= np.maximum(FURTHER_OFFER, prior[places]))
            offered[:, 0] = shown
            silent_right = right[~shown, 0].mean() if not shown.all() else 0.0
            answered = (made_up[:, 0] >= needed[made_up_places[:, 0]]).mean()
            found = (right & offered).any(axis=1).mean()
            print(
                f"{first:5.2f} {lift:5.1f} {1 - shown.mean():7.4f} {silent_right:15.3f} {found:19.4f} "
                f"{right.any(axis=1).mean():13.4f} {answered:23.3f}"
            )


def main() -> None:
    """Measure each file in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    for file in parser.parse_args().files:
        measure(file)


if __name__ == "__main__":
    main()
