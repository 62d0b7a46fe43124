"""What accounts that file ads of one phrase wrongly do to the suggestions for it, and what the defence costs honest sellers.

    python -m benchmarks.poisoning FILE.csv.gz [--ads 3,10,30,49] [--accounts 1,3,5] [--targets 12] [--seeds 0,1] [--words 3]
                                   [--most 8000]

A third of the titles is held out, and every other ad is of a seller of its own. A target is a phrase of neighbouring words: rare
ones stand in 1 or 2 ads, common ones in 5 or more, all of one category; new ones in none, since their ads are taken out. The
accounts file so many ads of the phrase at another category, with one of that category's own words in every second. Learned is
what the plugin's training learns of titles, undefended as where no seller is known.

bent        the share of the phrases whose first suggestion is the accounts' category now, and was another one before
varied      the same if each ad puts another letter at the end of each word of the phrase, so that no word is repeated
accuracy    on the titles held out

Last comes what is lost where nobody means harm: the change of that accuracy, in points, if the words are left out by which a
seller contradicts others, and if words are learned as the plugin does that one seller alone wrote, too. Sellers are simulated:

zipf        the number of a seller's ads n has a probability proportional to 1 / n^2, 200 at most. They lie in one category, and
            one after the other in the alphabet, since a seller's titles are alike; a fifth are moved within the main category
shop        in each category of 5 or more a shop has 30 percent, neighbours in the alphabet; the rest is everybody's own
a number    so many sellers share the ads of each category, and have none elsewhere
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath

import numpy as np

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import train
from benchmarks.datasets import read_title_set
from benchmarks.echoed_labels import Encoded, encode, first_suggestions

RARE, COMMON = (1, 2), (5, 10**9)
KINDS, WORDINGS = ("rare", "common", "new"), ("repeated", "varied")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


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


@dataclass(frozen=True)
class Site:
    """Ads with who filed each, "" for nobody that is known."""

    language: str
    titles: list[str]
    paths: list[Path]
    sellers: list[str]

    def of_unknown_sellers(self) -> Site:
        return Site(self.language, self.titles, self.paths, [""] * len(self.titles))

    def learn(self) -> TitleScorer:
        """Train on what the plugin learns of the titles; the labels of all ads count the same."""
        # Needs Django's settings.
        from ad_autocategorize.categories.learned_words import learned_words
        from ad_autocategorize.sources import LabelledTitle

        settings = TitleSettings(language=self.language)
        rows = enumerate(zip(self.titles, self.paths, self.sellers, strict=True))
        ads = [LabelledTitle(row, title, path[-1], None, seller) for row, (title, path, seller) in rows]
        words = learned_words(ads, self.sellers, settings)
        return train(words.titles, self.paths, settings, unlisted=words.unlisted).scorer

    def learn_uncontested(self) -> TitleScorer:
        """Train without the words by which a seller contradicts others, and with all others."""
        from ad_autocategorize.categories.independent_sellers import contested_words
        from ad_autocategorize.categories.private_words import without_contacts

        settings = TitleSettings(language=self.language)
        words = list(map(Normalizer(settings), map(without_contacts, self.titles)))
        contested = contested_words(words, self.paths, self.sellers)
        learned = [
            " ".join(word for word in title if word not in against)
            for title, against in zip(words, contested, strict=True)
        ]
        return train(learned, self.paths, settings).scorer


def honest_site(data: Encoded, kind: str, targets: Sequence[Target]) -> Site:
    """Return the ads without those of new phrases, each of a seller of its own."""
    normalize = Normalizer(TitleSettings(language=data.language))
    gone = [f" {target.phrase} " for target in targets] if kind == "new" else []
    words_of = [f" {' '.join(normalize(title))} " for title in data.titles]
    kept = [row for row, words in enumerate(words_of) if not any(phrase in words for phrase in gone)]
    titles, paths = [data.titles[row] for row in kept], [data.paths[row] for row in kept]
    return Site(data.language, titles, paths, [f"seller {row}" for row in kept])


def poisoned(site: Site, targets: Sequence[Target], ads: int, accounts: int, *, varied: bool = False) -> Site:
    """Return the site with the ads that the accounts file of each target."""
    normalize = Normalizer(TitleSettings(language=site.language))
    own_words: defaultdict[Path, list[str]] = defaultdict(list)
    for title, path in zip(site.titles, site.paths, strict=True):
        own_words[path] += normalize(title)
    titles, paths, sellers = list(site.titles), list(site.paths), list(site.sellers)
    for number, target in enumerate(targets):
        words = own_words[target.wrong]
        for place in range(ads):
            extra = words[place * 7 % len(words)] if place % 2 else ""
            titles.append(f"{vary(target.phrase, place) if varied else target.phrase} {extra}".strip())
            paths.append(target.wrong)
            sellers.append(f"account {number} {place % accounts}")
    return Site(site.language, titles, paths, sellers)


def vary(phrase: str, place: int) -> str:
    """Return the phrase with other letters at the end of each word in each of an account's ads."""
    first, second = divmod(place, len(LETTERS))
    ending = LETTERS[second] + LETTERS[first - 1] * (first > 0)
    return " ".join(word + ending for word in phrase.split())


def bent(before: TitleScorer, after: TitleScorer, targets: Sequence[Target]) -> float:
    """Return the share of the targets whose first suggestion has become the accounts' category."""
    phrases = [target.phrase for target in targets]
    pairs = zip(targets, first_suggestions(before, phrases), first_suggestions(after, phrases), strict=True)
    return float(np.mean([now == target.wrong and then != target.wrong for target, then, now in pairs]))


def accuracy(scorer: TitleScorer, data: Encoded) -> float:
    found = first_suggestions(scorer, data.test_titles)
    return float(np.mean([guess == path for guess, path in zip(found, data.test_paths, strict=True)]))


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
    """Return by title held out how much better it is answered, without contested words and as the plugin learns."""
    sellers = honest_sellers(kind, data, np.random.default_rng(seed))
    site = Site(data.language, data.titles, data.paths, sellers)
    changes = []
    for scorer in (site.learn_uncontested(), site.learn()):
        answers = zip(first_suggestions(scorer, data.test_titles), before, data.test_paths, strict=True)
        changes.append([float(now == path) - float(then == path) for now, then, path in answers])
    return changes


def part(data: Encoded, most: int) -> Encoded:
    """Return the set with so many of the titles to learn from, drawn by chance."""
    if most >= len(data.titles):
        return data
    chosen = np.sort(np.random.default_rng(0).permutation(len(data.titles))[:most]).tolist()
    titles, paths = [data.titles[row] for row in chosen], [data.paths[row] for row in chosen]
    return Encoded(data.language, titles, paths, data.test_titles, data.test_paths)


def print_attacks(data: Encoded, kind: str, options: argparse.Namespace) -> None:
    """Print a row for each number of ads, the accounts that share them, and whether they vary the words."""
    sites = []
    for seed in map(int, options.seeds.split(",")):
        targets = draw_targets(data, kind, options.targets, np.random.default_rng(seed), options.words)
        site = honest_site(data, kind, targets)
        sites.append((targets, site, site.of_unknown_sellers().learn()))
    for ads in map(int, options.ads.split(",")):
        undefended = [poisoned(site, targets, ads, 1).of_unknown_sellers().learn() for targets, site, _ in sites]
        plain = _figures(data, sites, undefended)
        for accounts in map(int, options.accounts.split(",")):
            for varied in map("varied".__eq__, options.wordings.split(",")):
                after = [poisoned(site, targets, ads, accounts, varied=varied).learn() for targets, site, _ in sites]
                share, right = _figures(data, sites, after)
                wording = "varied" if varied else "repeated"
                figures = f"{plain[0]:.2f} | {share:.2f} | {plain[1]:.4f} | {right:.4f}"
                print(f"| {kind} | {wording} | {accounts} | {ads} | {figures} |", flush=True)


def _figures(
    data: Encoded, sites: Sequence[tuple[list[Target], Site, TitleScorer]], after: Sequence[TitleScorer]
) -> list[float]:
    pairs = list(zip(sites, after, strict=True))
    rows = [[bent(clean, scorer, targets), accuracy(scorer, data)] for (targets, _, clean), scorer in pairs]
    return [float(mean) for mean in np.mean(rows, axis=0)]


def print_costs(data: Encoded, options: argparse.Namespace) -> None:
    """Print a row for each kind of honest sellers."""
    print("\n| sellers | accuracy | without contested words | as the plugin learns |\n|---|---|---|---|")
    scorer = Site(data.language, data.titles, data.paths, [""] * len(data.titles)).learn()
    before = first_suggestions(scorer, data.test_titles)
    for kind in options.honest.split(","):
        changes = np.array([honest_changes(data, kind, before, int(seed)) for seed in options.seeds.split(",")])
        # A title's changes under several seeds are of one title: the interval is over titles.
        by_title = 100 * changes.mean(axis=0)
        means, errors = by_title.mean(axis=1), by_title.std(axis=1) / np.sqrt(by_title.shape[1])
        figures = " | ".join(f"{mean:+.2f} ± {1.96 * error:.2f}" for mean, error in zip(means, errors, strict=True))
        print(f"| {kind} | {accuracy(scorer, data):.4f} | {figures} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=FilePath)
    parser.add_argument("--ads", default="3,10,30,49", help="Ads of each phrase, shared by the accounts.")
    parser.add_argument("--accounts", default="1,3,5")
    parser.add_argument("--kinds", default=",".join(KINDS), help="Kinds of phrases; may be empty.")
    parser.add_argument("--wordings", default=",".join(WORDINGS))
    parser.add_argument("--targets", type=int, default=12)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--words", type=int, default=3, help="Words of a phrase.")
    parser.add_argument("--honest", default="zipf,shop,5", help="Sellers, none of whom means harm; may be empty.")
    parser.add_argument("--most", type=int, default=10**9, help="Titles to learn from, drawn by chance.")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    import django

    django.setup()
    data = part(encode(read_title_set(options.file)), options.most)
    if options.kinds:
        print("| phrases | words | accounts | ads | bent, undefended | bent | accuracy, undefended | accuracy |")
        print("|---|---|---|---|---|---|---|---|")
        for kind in options.kinds.split(","):
            print_attacks(data, kind, options)
    if options.honest:
        print_costs(data, options)


if __name__ == "__main__":
    main()
