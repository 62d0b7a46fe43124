"""What accounts that file ads of one phrase wrongly do to the suggestions for it.

    python -m benchmarks.poisoning FILE.csv.gz [--ads 3,10,30,49] [--accounts 1,3,5] [--targets 12] [--seeds 0,1]

A third of the titles is held out, and every other ad is of a seller of its own. A target is a phrase of three neighbouring
words: rare ones stand in 1 or 2 ads, common ones in 5 or more, all of one category; new ones in none, since their ads are taken
out. The accounts file so many ads of the phrase at another category, with one of that category's own words in every second.

bent        the share of the phrases whose first suggestion is the accounts' category now, and was another one before
accuracy    on the titles held out

Last comes what the weights cost where nobody means harm: the ads of each category are shared out among so many sellers.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath

import numpy as np

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import train
from benchmarks.datasets import read_title_set
from benchmarks.echoed_labels import Encoded, encode, first_suggestions

RARE, COMMON = (1, 2), (5, 10**9)
KINDS = ("rare", "common", "new")
PHRASE_WORDS = 3


@dataclass(frozen=True)
class Target:
    """A phrase, where its ads are filed, and where the accounts file theirs."""

    phrase: str
    own: Path
    wrong: Path


def draw_targets(data: Encoded, kind: str, count: int, random: np.random.Generator) -> list[Target]:
    """Return phrases of a kind, each with a wrong category that has ads of its own."""
    normalize = Normalizer(TitleSettings(language=data.language))
    homes: defaultdict[tuple[str, ...], list[Path]] = defaultdict(list)
    for title, path in zip(data.titles, data.paths, strict=True):
        words = normalize(title)
        for start in range(len(words) - PHRASE_WORDS + 1):
            homes[tuple(words[start : start + PHRASE_WORDS])].append(path)
    low, high = COMMON if kind == "common" else RARE
    fitting = sorted(p for p, paths in homes.items() if low <= len(paths) <= high and len(set(paths)) == 1)
    sizes: defaultdict[Path, int] = defaultdict(int)
    for path in data.paths:
        sizes[path] += 1
    large = [path for path in sorted(sizes) if sizes[path] >= 10]
    chosen = random.choice(len(fitting), min(count, len(fitting)), replace=False).tolist()
    targets = []
    for place in chosen:
        own = homes[fitting[place]][0]
        others = [path for path in large if path[0] != own[0]] or [path for path in large if path != own]
        targets.append(Target(" ".join(fitting[place]), own, others[int(random.integers(len(others)))]))
    return targets


def measure(
    data: Encoded, kind: str, targets: Sequence[Target], ads: int, accounts: int, *, weighed: bool
) -> tuple[float, float]:
    """Return the share of the targets that are bent, and the accuracy on the titles held out."""
    from ad_autocategorize.categories.independent_sellers import independence

    settings = TitleSettings(language=data.language)
    normalize = Normalizer(settings)
    words_of = [" ".join(normalize(title)) for title in data.titles]
    gone = {target.phrase for target in targets} if kind == "new" else set()
    kept = [row for row, words in enumerate(words_of) if not any(phrase in words for phrase in gone)]
    titles, paths = [data.titles[row] for row in kept], [data.paths[row] for row in kept]
    sellers = [f"seller {row}" for row in kept]
    spice: defaultdict[Path, list[str]] = defaultdict(list)
    for row in kept:
        spice[data.paths[row]] += words_of[row].split()
    for number, target in enumerate(targets):
        own_words = spice[target.wrong]
        for place in range(ads):
            extra = own_words[place * 7 % len(own_words)] if place % 2 else ""
            titles.append(f"{target.phrase} {extra}".strip())
            paths.append(target.wrong)
            sellers.append(f"account {number} {place % accounts}")
    clean = train([data.titles[row] for row in kept], [data.paths[row] for row in kept], settings)
    weights = independence([normalize(title) for title in titles], paths, sellers) if weighed else [1.0] * len(titles)
    scorer = train(titles, paths, settings, weights=weights)
    phrases = [target.phrase for target in targets]
    before, after = first_suggestions(clean, phrases), first_suggestions(scorer, phrases)
    bent = [now == t.wrong and then != t.wrong for t, then, now in zip(targets, before, after, strict=True)]
    right = [
        found == path for found, path in zip(first_suggestions(scorer, data.test_titles), data.test_paths, strict=True)
    ]
    return float(np.mean(bent)), float(np.mean(right))


def honest_accuracy(data: Encoded, sellers: int, *, weighed: bool) -> float:
    """Return the accuracy where a category's ads are of so many sellers, who have ads in no other category."""
    from ad_autocategorize.categories.independent_sellers import independence

    settings = TitleSettings(language=data.language)
    normalize = Normalizer(settings)
    places = np.random.default_rng(0).integers(sellers, size=len(data.paths))
    names = [f"{path} {place}" for path, place in zip(data.paths, places, strict=True)]
    words = [normalize(title) for title in data.titles]
    weights = independence(words, data.paths, names) if weighed else [1.0] * len(names)
    scorer = train(data.titles, data.paths, settings, weights=weights)
    found = first_suggestions(scorer, data.test_titles)
    return float(np.mean([guess == path for guess, path in zip(found, data.test_paths, strict=True)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=FilePath)
    parser.add_argument("--ads", default="3,10,30,49", help="Ads of each phrase, shared by the accounts.")
    parser.add_argument("--accounts", default="1,3,5")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--targets", type=int, default=12)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--honest", default="2,5,20", help="Sellers of each category, none of whom means harm.")
    options = parser.parse_args()
    data = encode(read_title_set(options.file))
    print("| phrases | accounts | ads | bent, unweighed | bent | accuracy, unweighed | accuracy |")
    print("|---|---|---|---|---|---|---|")
    for kind in options.kinds.split(","):
        for accounts in map(int, options.accounts.split(",")):
            for ads in map(int, options.ads.split(",")):
                rows = []
                for seed in map(int, options.seeds.split(",")):
                    targets = draw_targets(data, kind, options.targets, np.random.default_rng(seed))
                    plain = measure(data, kind, targets, ads, accounts, weighed=False)
                    rows.append([*plain, *measure(data, kind, targets, ads, accounts, weighed=True)])
                bent, accuracy, bent_weighed, accuracy_weighed = np.mean(rows, axis=0)
                figures = f"{bent:.2f} | {bent_weighed:.2f} | {accuracy:.4f} | {accuracy_weighed:.4f}"
                print(f"| {kind} | {accounts} | {ads} | {figures} |", flush=True)
    print("\n| sellers of each category | accuracy, unweighed | accuracy |\n|---|---|---|")
    for sellers in map(int, filter(None, options.honest.split(","))):
        plain_one, weighed_one = (honest_accuracy(data, sellers, weighed=weighed) for weighed in (False, True))
        print(f"| {sellers} | {plain_one:.4f} | {weighed_one:.4f} |", flush=True)


if __name__ == "__main__":
    main()
