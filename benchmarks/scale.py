"""How training and scoring grow with the marketplace: a synthetic one in the shape of the published study.

    python -m benchmarks.scale [--sizes 1/16,1/8,1/4,1/2,1] [--jobs 2]

469,734 ads in 858 categories of up to four levels, in four main groups of 258,086, 10,270, 161,299 and 40,079 ads. Words follow
Zipf's law; a title mixes words of its category, of its branch and of the whole site, with misspellings that no other title
has. Each size runs in a process of its own, so that peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from benchmarks.systems import Path

GROUP_SIZES = (258_086, 10_270, 161_299, 40_079)
CATEGORIES = 858
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
    def build(cls) -> Marketplace:
        random = np.random.default_rng(0)
        paths, words = categories(random), _words(random)
        zipf = np.cumsum(np.arange(1, len(words) + 1, dtype=np.float64) ** -ZIPF_EXPONENT)
        branches = {path[:-1]: int(random.integers(0, len(words))) for path in paths}
        own = random.integers(0, len(words), len(paths))
        groups = np.array([int(path[0][1:]) for path in paths])
        filed = np.concatenate([_fill(random, np.flatnonzero(groups == g), size) for g, size in enumerate(GROUP_SIZES)])
        return cls(paths, filed, words, zipf / zipf[-1], own, np.array([branches[path[:-1]] for path in paths]))

    def draw(self, ads: int, seed: int) -> tuple[list[str], list[Path]]:
        """Return titles and the paths they are filed at."""
        random = np.random.default_rng(seed)
        filed = random.permutation(self.filed)[:ads]
        lengths = random.integers(3, 9, ads)
        titles = []
        for category, length in zip(filed.tolist(), lengths.tolist(), strict=True):
            drawn = np.searchsorted(self.zipf, random.random(length))
            offsets = np.array([self.own[category], self.shared[category], 0])[random.choice(3, length, p=SHARES)]
            chosen = [self.words[index] for index in (drawn + offsets) % len(self.words)]
            if random.random() < MISSPELT:
                chosen[0] = chosen[0][1:] + str(LETTERS[random.integers(len(LETTERS))])
            titles.append(" ".join(chosen))
        return titles, [self.paths[category] for category in filed.tolist()]


def categories(random: np.random.Generator) -> list[Path]:
    """Return the paths at which ads are filed, two to four levels deep, shared out by the sizes of the groups."""
    shares = np.sqrt(GROUP_SIZES) / np.sqrt(GROUP_SIZES).sum()
    counts = np.floor(shares * CATEGORIES).astype(int)
    counts[0] += CATEGORIES - counts.sum()
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
    return np.concatenate([np.repeat(members, 3), random.choice(members, size - 3 * len(members), p=shares)])


def _words(random: np.random.Generator) -> list[str]:
    lengths = random.integers(3, 11, VOCABULARY)
    letters = random.choice(LETTERS, (VOCABULARY, 10))
    return sorted({"".join(row[:length]) for row, length in zip(letters, lengths, strict=True)}, key=hash_of)


def hash_of(word: str) -> int:
    """Return a number that orders words in the same haphazard way in every run."""
    return hash(tuple(word.encode()))


def measure(size: Fraction, jobs: int) -> dict[str, float]:
    """Train on that part of the ads and time it."""
    from ad_autocategorize.titles.settings import TitleSettings
    from ad_autocategorize.titles.training.training import train

    ads = int(sum(GROUP_SIZES) * size)
    market = Marketplace.build()
    titles, paths = market.draw(ads, seed=0)
    keys: dict[Path, int] = {}
    encoded = [tuple(keys.setdefault(path[:depth], len(keys)) for depth in range(1, len(path) + 1)) for path in paths]
    start = time.perf_counter()
    scorer = train(titles, encoded, TitleSettings(), jobs=jobs)
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
    usage = [resource.getrusage(who).ru_maxrss / 2**20 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "ads": ads,
        "categories": len(set(paths)),
        "train_s": training,
        "peak_gb": usage[0] + jobs * usage[1],
        "right": float(np.mean(right)),
        "batch_per_s": SCORED_TITLES / batch,
        "p50_ms": float(np.median(singles)) * 1000,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1/16,1/8,1/4,1/2,1")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print("RESULT " + json.dumps(measure(Fraction(options.one), options.jobs)))
        return
    print("| size | ads | categories | train s | s per 1,000 ads | peak GB | path | titles/s | p50 ms |")
    print("|---|---|---|---|---|---|---|---|---|")
    for size in options.sizes.split(","):
        command = [sys.executable, "-m", "benchmarks.scale", "--one", size, "--jobs", str(options.jobs)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        line = next((line for line in run.stdout.splitlines() if line.startswith("RESULT ")), None)
        if line is None:
            sys.exit(f"{size} failed:\n{run.stderr}")
        result = json.loads(line.removeprefix("RESULT "))
        print(
            f"| {size} | {result['ads']:,} | {result['categories']} | {result['train_s']:.1f} | "
            f"{1000 * result['train_s'] / result['ads']:.2f} | {result['peak_gb']:.2f} | {result['right']:.3f} | "
            f"{result['batch_per_s']:.0f} | {result['p50_ms']:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
