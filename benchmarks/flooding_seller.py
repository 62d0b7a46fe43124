"""What a model learns when one seller floods a category, with and without the cap on a seller's ads.

    python -m benchmarks.flooding_seller FILE.csv.gz [--ads 300,1000] [--caps none,100] [--seeds 0,1,2]

A third of the titles is held out. To the rest come the ads of one seller, all filed at one category in which others have 15 ads
or more. His titles are real ones, shortened and shuffled:

elsewhere   he offers things of three other categories of that size, and files all of them wrongly
phrases     the same, with two of his stock phrases in every title
alike       he offers three things that do belong there, again and again, with his stock phrases

Printed is the accuracy on the titles held out: of all, of those of the flooded category, of those of the three others, and of 200
further ads of his own, judged by where they belong.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath

import numpy as np

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import train
from benchmarks.datasets import read_title_set
from benchmarks.echoed_labels import Encoded, encode, first_suggestions

OTHERS_ADS = 15
TAKEN_FROM = 3
THINGS_ALIKE = 3
FURTHER_ADS = 200
STOCK_PHRASES = ("tienda norte", "envio gratis", "cuotas sin interes", "stock permanente", "entrega inmediata")
SELLER = "seller"
KINDS = ("elsewhere", "phrases", "alike")


@dataclass(frozen=True)
class Flood:
    """A seller's titles with where each belongs, and the category that he files all of them at."""

    titles: list[str]
    belong: list[Path]
    filed: Path

    @property
    def robbed(self) -> set[Path]:
        """The other categories that his things belong to."""
        return set(self.belong) - {self.filed}


def draw_flood(data: Encoded, kind: str, *, seed: int, ads: int) -> Flood:
    """Return ``ads`` ads and further ones; a seed draws the same categories however many they are."""
    random = np.random.default_rng(seed)
    titles: dict[Path, list[str]] = {}
    for title, path in zip(data.titles, data.paths, strict=True):
        titles.setdefault(path, []).append(title)
    large = [path for path in sorted(titles) if len(titles[path]) >= OTHERS_ADS]
    filed, *robbed = (large[place] for place in random.choice(len(large), 1 + TAKEN_FROM, replace=False).tolist())
    goods = {filed: titles[filed][:THINGS_ALIKE]} if kind == "alike" else {path: titles[path] for path in robbed}
    phrases = STOCK_PHRASES if kind != "elsewhere" else ()
    belong = [list(goods)[place] for place in random.integers(len(goods), size=ads + FURTHER_ADS).tolist()]
    return Flood([_reword(random.choice(goods[path]), phrases, random) for path in belong], belong, filed)


def _reword(title: str, phrases: Sequence[str], random: np.random.Generator) -> str:
    words = random.permutation(title.split()).tolist()
    stock = random.choice(phrases, 2, replace=False).tolist() if phrases else []
    return " ".join([*words[: max(2, len(words) - 1)], *stock])


def measure(data: Encoded, flood: Flood, ads: int, cap: float | None) -> list[float]:
    """Return four accuracies: of all titles held out, of the flooded category's, of the robbed ones', of his further ads."""
    # The plugin's own rule; its module needs Django's models.
    from ad_autocategorize.categories.label_weights import cap_sellers

    titles = [*data.titles, *flood.titles[:ads]]
    paths = [*data.paths, *[flood.filed] * ads]
    sellers = [""] * len(data.titles) + [SELLER] * ads
    weights = cap_sellers(paths, sellers, [1.0] * len(paths), cap)
    scorer = train(titles, paths, TitleSettings(language=data.language), weights=weights).scorer
    right = _right(first_suggestions(scorer, data.test_titles), data.test_paths)
    own = _right(first_suggestions(scorer, flood.titles[-FURTHER_ADS:]), flood.belong[-FURTHER_ADS:])
    parts = [_rows(data.test_paths, chosen) for chosen in ({flood.filed}, flood.robbed)]
    return [_mean(right), *(_mean(right[rows]) for rows in parts), _mean(own)]


def _right(found: Sequence[Path], true: Sequence[Path]) -> np.ndarray:
    return np.array([guess == path for guess, path in zip(found, true, strict=True)])


def _rows(paths: Sequence[Path], chosen: set[Path]) -> np.ndarray:
    return np.flatnonzero([path in chosen for path in paths])


def _mean(right: np.ndarray) -> float:
    return float(right.mean()) if len(right) else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=FilePath)
    parser.add_argument("--ads", default="300,1000", help="How many ads the seller has.")
    parser.add_argument("--caps", default="none,100", help="ADS_PER_SELLER, or none.")
    parser.add_argument("--seeds", default="0,1,2", help="Each draws categories and wordings anew; means are printed.")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    import django

    django.setup()
    data = encode(read_title_set(options.file))
    counts, seeds = [int(count) for count in options.ads.split(",")], [int(seed) for seed in options.seeds.split(",")]
    print("| seller | ads | cap | all | flooded category | robbed categories | his further ads |")
    print("|---|---|---|---|---|---|---|")
    for kind in KINDS:
        floods = {ads: [draw_flood(data, kind, seed=seed, ads=ads) for seed in seeds] for ads in counts}
        for ads, cap in [(0, "none"), *((ads, cap) for ads in counts for cap in options.caps.split(","))]:
            most = None if cap == "none" else float(cap)
            results = [measure(data, flood, ads, most) for flood in floods[ads or counts[0]]]
            means = " | ".join("-" if np.isnan(value) else f"{value:.4f}" for value in np.mean(results, axis=0))
            print(f"| {kind} | {ads} | {cap} | {means} |", flush=True)


if __name__ == "__main__":
    main()
