"""How many ads are enough: ours beside its peers on ever smaller draws of real titles.

    python -m benchmarks.few_ads FILE.csv.gz [FILE ...] [--sizes 250,500,...] [--systems ours,svc-tuned,...]

The training part of ``datasets`` is split again, in thirds, and the draws are taken from two of them; what is held out of
``benchmarks.titles`` is never looked at. Each figure is the mean over ``DRAWS`` draws, the same for every system, with the
standard error of its difference from the first system.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import TitleSet, read_title_set
from benchmarks.systems import System, make_systems

DRAWS = 5
SIZES = "250,500,1000,2000,4000"
SYSTEMS = "ours,svc-tuned,omikuji,fasttext"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("--systems", default=SYSTEMS)
    options = parser.parse_args()
    names = options.systems.split(",")
    for file in options.files:
        data = read_title_set(file)
        print(f"\n{data.name}\n| ads | categories | " + " | ".join(names) + " |\n|---|---|" + "---|" * len(names))
        for size in map(int, options.sizes.split(",")):
            figures = [measure_draw(data, size, seed, names) for seed in range(DRAWS)]
            ads, categories = np.mean([draw[:2] for draw in figures], axis=0)
            print_row(ads, categories, np.array([draw.shares for draw in figures]))


class Draw(NamedTuple):
    """How many ads and categories were learned from, and the share of whole paths that each system got right."""

    ads: int
    categories: int
    shares: list[float]


def measure_draw(data: TitleSet, size: int, seed: int, names: list[str]) -> Draw:
    """Draw ads, train every system on them, and test it."""
    order = np.random.default_rng(seed).permutation(len(data.train_titles))
    third = len(order) // 3
    tested, drawn = order[:third], order[third:][:size]
    titles, paths = [data.train_titles[i] for i in drawn], [data.train_paths[i] for i in drawn]
    systems = make_systems()
    shares = [_share_right(systems[name], titles, paths, data, tested) for name in names]
    return Draw(len(titles), len(set(paths)), shares)


def _share_right(
    system: System, titles: list[str], paths: list[tuple[str, ...]], data: TitleSet, tested: NDArray[np.intp]
) -> float:
    system.fit(titles, paths, data.language)
    best = system.scores([data.train_titles[i] for i in tested]).argmax(axis=1)
    classes = [*system.classes, ()]
    return float(np.mean([classes[guess] == data.train_paths[i] for guess, i in zip(best, tested, strict=True)]))


def print_row(ads: float, categories: float, shares: NDArray[np.float64]) -> None:
    """Print the mean of each system; ``shares`` has the shape (draws, systems)."""
    behind = shares - shares[:, :1]
    errors = behind.std(axis=0, ddof=1) / np.sqrt(len(shares))
    others = [f"{mean:.3f} ({error:.3f})" for mean, error in zip(shares.mean(axis=0)[1:], errors[1:], strict=True)]
    print(f"| {ads:.0f} | {categories:.0f} | {shares[:, 0].mean():.3f} | " + " | ".join(others) + " |", flush=True)


if __name__ == "__main__":
    main()
