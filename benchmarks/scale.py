"""How training and scoring grow with the marketplace: a synthetic one in the shape of the published study.

    python -m benchmarks.scale [--categories 858] [--ads 29358,58716,117433,234867,469734] [--jobs 2] [--changed]

469,734 ads in 858 categories of up to four levels, in four main groups of 258,086, 10,270, 161,299 and 40,079 ads; fewer ads are
a sample, and other numbers of categories and ads are shared out likewise. Words follow Zipf's law; a title mixes words of its
category, of its branch and of the whole site, with misspellings that no other title has. Each size runs in a process of its own,
so that peak memory is its own: that of all its processes together, what they share counted once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.changed import measure_changed
from benchmarks.systems import Path

if TYPE_CHECKING:
    from ad_autocategorize.titles.scorer import TitleScorer

GROUP_SIZES = (258_086, 10_270, 161_299, 40_079)
STUDY_CATEGORIES = 858
VOCABULARY = 150_000
ZIPF_EXPONENT = 1.1
SCORED_TITLES = 50_000
SINGLE_TITLES = 2_000
# Of a title's words: the category's, its branch's, the whole site's.
SHARES = (0.45, 0.25, 0.3)
MISSPELT = 0.15
LETTERS = np.array(list("aeiourstlnmcdpbg"))


@dataclass(frozen=True)
class Marketplace:
    """Where sellers file ads, and the words they use.

    ``filed`` are all ads' categories, as positions in ``paths``. By category, ``own`` and ``shared`` are the places at which the
    category and its branch begin to read the site's vocabulary; ``zipf`` are the words' cumulative probabilities from there on.
    """

    paths: list[Path]
    filed: np.ndarray
    words: list[str]
    zipf: np.ndarray
    own: np.ndarray
    shared: np.ndarray

    @classmethod
    def build(cls, categories: int, ads: int) -> Marketplace:
        """Make a marketplace of so many categories, and of so many ads or as many more as give each category three."""
        random = np.random.default_rng(0)
        paths, words = _category_paths(random, categories), _words(random)
        sizes = [-(-ads * size // sum(GROUP_SIZES)) for size in GROUP_SIZES]
        zipf = np.cumsum(np.arange(1, len(words) + 1, dtype=np.float64) ** -ZIPF_EXPONENT)
        branches = {path[:-1]: int(random.integers(0, len(words))) for path in paths}
        own = random.integers(0, len(words), len(paths))
        groups = np.array([int(path[0][1:]) for path in paths])
        filed = np.concatenate([_fill(random, np.flatnonzero(groups == g), size) for g, size in enumerate(sizes)])
        return cls(paths, filed, words, zipf / zipf[-1], own, np.array([branches[path[:-1]] for path in paths]))

    def draw(self, ads: int, seed: int) -> tuple[list[str], list[Path]]:
        """Return titles and the paths they are filed at."""
        random = np.random.default_rng(seed)
        # More than there are begin again.
        filed = np.resize(random.permutation(self.filed), ads)
        return self.titles(filed, random), [self.paths[category] for category in filed.tolist()]

    def titles(self, filed: np.ndarray, random: np.random.Generator) -> list[str]:
        """Return a title for each ad; ``filed`` are their categories, as positions in ``paths``."""
        lengths = random.integers(3, 9, len(filed))
        titles = []
        for category, length in zip(filed.tolist(), lengths.tolist(), strict=True):
            drawn = np.searchsorted(self.zipf, random.random(length))
            offsets = np.array([self.own[category], self.shared[category], 0])[random.choice(3, length, p=SHARES)]
            chosen = [self.words[index] for index in (drawn + offsets) % len(self.words)]
            if random.random() < MISSPELT:
                chosen[0] = chosen[0][1:] + str(LETTERS[random.integers(len(LETTERS))])
            titles.append(" ".join(chosen))
        return titles


def _category_paths(random: np.random.Generator, categories: int) -> list[Path]:
    """Return the paths at which ads are filed, two to four levels deep, shared out by the sizes of the groups."""
    shares = np.sqrt(GROUP_SIZES) / np.sqrt(GROUP_SIZES).sum()
    counts = np.floor(shares * categories).astype(int)
    counts[0] += categories - counts.sum()
    paths: list[Path] = []
    for group, count in enumerate(counts.tolist()):
        for number in range(count):
            branch, depth = number % max(count // 20, 2), 2 + int(random.integers(0, 3))
            middle = [f"b{branch}", f"c{number % 60}"][: depth - 2]
            paths.append((f"g{group}", *middle, f"leaf{number}"))
    return paths


def _fill(random: np.random.Generator, members: np.ndarray, size: int) -> np.ndarray:
    """Share ``size`` ads out among the categories of a group, unevenly, three at least to each."""
    shares = random.dirichlet(np.full(len(members), 0.5))
    return np.concatenate([np.repeat(members, 3), random.choice(members, max(size - 3 * len(members), 0), p=shares)])


def _words(random: np.random.Generator) -> list[str]:
    lengths = random.integers(3, 11, VOCABULARY)
    letters = random.choice(LETTERS, (VOCABULARY, 10))
    return sorted({"".join(row[:length]) for row, length in zip(letters, lengths, strict=True)}, key=hash_of)


def hash_of(word: str) -> int:
    """Return a number that orders words in the same haphazard way in every run."""
    return hash(tuple(word.encode()))


def encode(paths: list[Path]) -> list[tuple[int, ...]]:
    """Return the paths as training takes them: whole numbers for names."""
    keys: dict[Path, int] = {}
    return [tuple(keys.setdefault(path[:depth], len(keys)) for depth in range(1, len(path) + 1)) for path in paths]


def measure(categories: int, all_ads: int, ads: int, jobs: int) -> dict[str, float]:
    """Train on so many of the ads and time it."""
    from ad_autocategorize.titles.settings import TitleSettings
    from ad_autocategorize.titles.training.training import train

    market = Marketplace.build(categories, all_ads)
    titles, paths = market.draw(ads, seed=0)
    encoded = encode(paths)
    start = time.perf_counter()
    with _watched_memory() as peak:
        scorer = train(titles, encoded, TitleSettings(), jobs=jobs).scorer
    training = time.perf_counter() - start
    fresh, filed = market.draw(SCORED_TITLES, seed=1)
    scorer.rank(fresh[:2048])
    start = time.perf_counter()
    ranked, _ = scorer.rank(fresh)
    batch = time.perf_counter() - start
    path_of = dict(zip(encoded, paths, strict=True))
    answers = [path_of[scorer.tree.categories[best]] for best in ranked[:, 0].tolist()]
    right = [answer == path for answer, path in zip(answers, filed, strict=True)]
    singles = []
    for title in fresh[:SINGLE_TITLES]:
        start = time.perf_counter()
        scorer.suggest(title)
        singles.append(time.perf_counter() - start)
    return {
        "ads": ads,
        "categories": len(set(paths)),
        "train_s": training,
        "peak_gb": max(peak) / 2**20,
        "right": float(np.mean(right)),
        "batch_per_s": SCORED_TITLES / batch,
        "p50_ms": float(np.median(singles)) * 1000,
        "model_mb": _size(scorer) / 1e6,
    }


def _size(scorer: TitleScorer) -> int:
    with TemporaryDirectory() as folder:
        scorer.save(FilePath(folder) / "model", metadata={})
        return sum(file.stat().st_size for file in FilePath(folder).rglob("*") if file.is_file())


@contextmanager
def _watched_memory() -> Iterator[list[int]]:
    """Fill the list that it yields with what this process and those that it started hold, in KiB, looked at twice a second."""
    held = [_held(os.getpid())]
    stop = Event()

    def watch() -> None:
        while not stop.wait(0.5):
            held.append(_held(os.getpid()))

    thread = Thread(target=watch, daemon=True)
    thread.start()
    yield held
    stop.set()
    thread.join()


def _held(process: int) -> int:
    """Return the proportional set size of a process and of all below it, in KiB; what has ended meanwhile holds nothing."""
    folder = FilePath(f"/proc/{process}")
    try:
        sizes = dict(line.split(":", 1) for line in (folder / "smaps_rollup").read_text().splitlines()[1:])
        children = {
            int(child) for task in (folder / "task").iterdir() for child in (task / "children").read_text().split()
        }
    except OSError:
        return 0
    return int(sizes["Pss"].split()[0]) + sum(map(_held, children))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--categories", type=int, default=STUDY_CATEGORIES)
    parser.add_argument("--ads", default="29358,58716,117433,234867,469734", help="the most of them are the whole site")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument(
        "--changed", action="store_true", help="time instead what trains changed nodes alone, at the last size"
    )
    options = parser.parse_args()
    sizes = [int(ads) for ads in options.ads.split(",")]
    if options.changed:
        market = Marketplace.build(options.categories, max(sizes))
        titles, paths = market.draw(sizes[-1], seed=0)
        encoded = encode(paths)
        places = {path: place for place, path in enumerate(market.paths)}
        positions = {path: places[name] for path, name in zip(encoded, paths, strict=True)}
        measure_changed(market, titles, encoded, positions, options.jobs)
        return
    if options.one:
        print("RESULT " + json.dumps(measure(options.categories, max(sizes), options.one, options.jobs)))
        return
    print("| ads | categories | train s | s per 1,000 ads | peak GB | path | titles/s | p50 ms | model MB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for ads in sizes:
        command = [sys.executable, "-m", "benchmarks.scale", *sys.argv[1:], "--one", str(ads)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        line = next((line for line in run.stdout.splitlines() if line.startswith("RESULT ")), None)
        if line is None:
            sys.exit(f"{ads} failed:\n{run.stderr}")
        result = json.loads(line.removeprefix("RESULT "))
        print(
            f"| {ads:,} | {result['categories']:,} | {result['train_s']:.1f} | "
            f"{1000 * result['train_s'] / ads:.2f} | {result['peak_gb']:.2f} | {result['right']:.3f} | "
            f"{result['batch_per_s']:.0f} | {result['p50_ms']:.3f} | {result['model_mb']:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
