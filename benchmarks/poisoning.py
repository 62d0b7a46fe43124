"""What accounts that file ads of one phrase wrongly do to the suggestions for it, and what the defence costs honest sellers.

    python -m benchmarks.poisoning FILE.csv.gz [--ads 3,10,30,49] [--accounts 1,3,5] [--targets 12] [--seeds 0,1] [--words 3]

A third of the titles is held out, and every other ad is of a seller of its own. A target is a phrase of neighbouring words: rare
ones stand in 1 or 2 ads, common ones in 5 or more, all of one category; new ones in none, since their ads are taken out. The
accounts file so many ads of the phrase at another category, with one of that category's own words in every second.

bent        the share of the phrases whose first suggestion is the accounts' category now, and was another one before
accuracy    on the titles held out

Last comes what is lost where nobody means harm: the change of that accuracy, in points, if the words are left out by which a
seller contradicts others, and if those are left out, too, that one seller alone wrote. Sellers are simulated:

zipf        the number of a seller's ads n has a probability proportional to 1 / n^2, 200 at most. They lie in one category, and
            one after the other in the alphabet, since a seller's titles are alike; a fifth are moved within the main category
shop        in each category of 5 or more a shop has 30 percent, neighbours in the alphabet; the rest is everybody's own
a number    so many sellers share the ads of each category, and have none elsewhere
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


@dataclass(frozen=True)
class Target:
    """A phrase, where its ads are filed, and where the accounts file theirs."""

    phrase: str
    own: Path
    wrong: Path


def draw_targets(
    data: Encoded, kind: str, count: int, random: np.random.Generator, phrase_words: int = 3
) -> list[Target]:
    """Return phrases of a kind, each with a wrong category that has ads of its own."""
    normalize = Normalizer(TitleSettings(language=data.language))
    homes: defaultdict[tuple[str, ...], list[Path]] = defaultdict(list)
    for title, path in zip(data.titles, data.paths, strict=True):
        words = normalize(title)
        for start in range(len(words) - phrase_words + 1):
            homes[tuple(words[start : start + phrase_words])].append(path)
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
    data: Encoded, kind: str, targets: Sequence[Target], ads: int, accounts: int, *, defended: bool
) -> tuple[float, float]:
    """Return the share of the targets that are bent, and the accuracy on the titles held out."""
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
    clean = train([data.titles[row] for row in kept], [data.paths[row] for row in kept], settings).scorer
    scorer = train(uncontested(titles, paths, sellers, settings) if defended else titles, paths, settings).scorer
    phrases = [target.phrase for target in targets]
    before, after = first_suggestions(clean, phrases), first_suggestions(scorer, phrases)
    bent = [now == t.wrong and then != t.wrong for t, then, now in zip(targets, before, after, strict=True)]
    right = [
        found == path for found, path in zip(first_suggestions(scorer, data.test_titles), data.test_paths, strict=True)
    ]
    return float(np.mean(bent)), float(np.mean(right))


def uncontested(
    titles: Sequence[str], paths: Sequence[Path], sellers: Sequence[str], settings: TitleSettings, *, own: bool = False
) -> list[str]:
    """Return what is learned of each title, ``own`` also without the words of one seller alone."""
    from ad_autocategorize.categories.independent_sellers import contested_words
    from ad_autocategorize.categories.private_words import sole_words

    normalize = Normalizer(settings)
    words = [normalize(title) for title in titles]
    sole = sole_words(words, paths, sellers) if own else set()
    contested = contested_words(words, paths, sellers)
    return [
        " ".join(word for word in title if word not in sole and word not in against)
        for title, against in zip(words, contested, strict=True)
    ]


def honest_sellers(kind: str, data: Encoded, random: np.random.Generator) -> list[str]:
    """Return a seller for each ad; see the module's text."""
    rows_of: defaultdict[Path, list[int]] = defaultdict(list)
    for row in sorted(range(len(data.paths)), key=data.titles.__getitem__):
        rows_of[data.paths[row]].append(row)
    names = [f"seller {row}" for row in range(len(data.paths))]
    for path, rows in rows_of.items():
        if kind == "zipf":
            start = int(random.integers(len(rows)))
            rows = rows[start:] + rows[:start]
            while rows:
                count = min(int(random.zipf(2.0)), 200)
                for row in rows[:count]:
                    names[row] = f"seller {rows[0]}"
                rows = rows[count:]
        elif kind == "shop" and len(rows) >= 5:
            count = max(2, round(0.3 * len(rows)))
            start = int(random.integers(len(rows) - count + 1))
            for row in rows[start : start + count]:
                names[row] = f"shop {path}"
        elif kind.isdigit():
            for row in rows:
                names[row] = f"{path} {random.integers(int(kind))}"
    return exchanged(names, data.paths, random) if kind == "zipf" else names


def exchanged(names: list[str], paths: Sequence[Path], random: np.random.Generator) -> list[str]:
    """Return the sellers with those of a fifth of the ads of each main category dealt out anew among these."""
    moved: defaultdict[int, list[int]] = defaultdict(list)
    for row in np.flatnonzero(random.random(len(paths)) < 0.2).tolist():
        moved[paths[row][0]].append(row)
    for rows in moved.values():
        dealt = [names[row] for row in random.permutation(rows).tolist()]
        for row, name in zip(rows, dealt, strict=True):
            names[row] = name
    return names


def honest_changes(data: Encoded, kind: str, before: Sequence[Path], seed: int) -> list[list[float]]:
    """Return by title held out how much better it is answered, without contested words and without those of one seller too."""
    settings = TitleSettings(language=data.language)
    sellers = honest_sellers(kind, data, np.random.default_rng(seed))
    changes = []
    for own in (False, True):
        learned = uncontested(data.titles, data.paths, sellers, settings, own=own)
        found = first_suggestions(train(learned, data.paths, settings).scorer, data.test_titles)
        answers = zip(found, before, data.test_paths, strict=True)
        changes.append([float(now == path) - float(then == path) for now, then, path in answers])
    return changes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=FilePath)
    parser.add_argument("--ads", default="3,10,30,49", help="Ads of each phrase, shared by the accounts.")
    parser.add_argument("--accounts", default="1,3,5")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--targets", type=int, default=12)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--words", type=int, default=3, help="Words of a phrase.")
    parser.add_argument("--honest", default="zipf,shop,5", help="Sellers, none of whom means harm.")
    options = parser.parse_args()
    data = encode(read_title_set(options.file))
    print("| phrases | accounts | ads | bent, undefended | bent | accuracy, undefended | accuracy |")
    print("|---|---|---|---|---|---|---|")
    for kind in options.kinds.split(","):
        for accounts in map(int, options.accounts.split(",")):
            for ads in map(int, options.ads.split(",")):
                rows = []
                for seed in map(int, options.seeds.split(",")):
                    targets = draw_targets(data, kind, options.targets, np.random.default_rng(seed), options.words)
                    plain = measure(data, kind, targets, ads, accounts, defended=False)
                    rows.append([*plain, *measure(data, kind, targets, ads, accounts, defended=True)])
                bent, accuracy, bent_defended, accuracy_defended = np.mean(rows, axis=0)
                figures = f"{bent:.2f} | {bent_defended:.2f} | {accuracy:.4f} | {accuracy_defended:.4f}"
                print(f"| {kind} | {accounts} | {ads} | {figures} |", flush=True)
    print("\n| sellers | accuracy | without contested words | and without those of one seller |\n|---|---|---|---|")
    before = first_suggestions(
        train(data.titles, data.paths, TitleSettings(language=data.language)).scorer, data.test_titles
    )
    accuracy = np.mean([found == path for found, path in zip(before, data.test_paths, strict=True)])
    for kind in filter(None, options.honest.split(",")):
        changes = np.array([honest_changes(data, kind, before, int(seed)) for seed in options.seeds.split(",")])
        # A title's changes under several seeds are of one title: the interval is over titles.
        by_title = 100 * changes.mean(axis=0)
        means, errors = by_title.mean(axis=1), by_title.std(axis=1) / np.sqrt(by_title.shape[1])
        figures = " | ".join(f"{mean:+.2f} ± {1.96 * error:.2f}" for mean, error in zip(means, errors, strict=True))
        print(f"| {kind} | {accuracy:.4f} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
