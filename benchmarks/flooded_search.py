"""Whether the search for mislabelled ads finds out a seller who floods a category, and what keeping his ads together costs shops.

    python -m benchmarks.flooded_search FILE.csv.gz [--ads 300,1000] [--seeds 0,1,2]

Floods are those of ``benchmarks.flooding_seller``, beside the titles that it trains on, whose sellers are unknown. "shop" is
a seller who files rightly: nine tenths of the real ads of five categories of fifty or more are his; with "shop+phrases" each
of them ends in two of his stock phrases. His ads are dealt out as anybody's or kept together in one fold, with and without
the cap on their weight. Printed is the share of his ads that is doubted, the share that the search would send where it
belongs, and the share of the others' ads that is doubted: of all, and of those in the categories that the flood's things come
from.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path as FilePath

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.label_errors.mislabels import judge_labels
from ad_autocategorize.titles.label_errors.near_identical import filed_shares, find_near_identical
from ad_autocategorize.titles.label_errors.out_of_fold import group_sellers, out_of_fold_scores
from ad_autocategorize.titles.settings import TitleSettings
from benchmarks.datasets import read_title_set
from benchmarks.echoed_labels import Encoded, encode
from benchmarks.flooding_seller import KINDS, SELLER, STOCK_PHRASES, draw_flood

SHOPS = ("shop", "shop+phrases")
SHOP_CATEGORIES = 5
SHOP_ADS = 50
SHOP_SHARE = 0.9
CAP = 100.0


@dataclass(frozen=True)
class Site:
    """Ads with where they are filed, where they belong and whose they are; ``robbed`` are categories of a flood's things."""

    titles: list[str]
    filed: list[Path]
    belong: list[Path]
    sellers: list[str]
    robbed: set[Path]


def flooded(data: Encoded, kind: str, ads: int, seed: int) -> Site:
    flood = draw_flood(data, kind, seed=seed, ads=ads)
    return Site(
        [*data.titles, *flood.titles[:ads]],
        [*data.paths, *[flood.filed] * ads],
        [*data.paths, *flood.belong[:ads]],
        [""] * len(data.titles) + [SELLER] * ads,
        flood.robbed,
    )


def with_shop(data: Encoded, kind: str, seed: int) -> Site:
    random = np.random.default_rng(seed)
    large = [path for path in sorted(set(data.paths)) if data.paths.count(path) >= SHOP_ADS]
    titles, sellers = list(data.titles), [""] * len(data.titles)
    for place in random.choice(len(large), SHOP_CATEGORIES, replace=False).tolist():
        rows = [row for row, path in enumerate(data.paths) if path == large[place]]
        for row in random.choice(rows, round(SHOP_SHARE * len(rows)), replace=False).tolist():
            sellers[row] = SELLER
            if kind != SHOPS[0]:
                titles[row] = " ".join([titles[row], *random.choice(STOCK_PHRASES, 2, replace=False)])
    return Site(titles, data.paths, data.paths, sellers, set())


def measure(site: Site, settings: TitleSettings, together: bool, cap: float | None) -> list[float]:
    """Return the four shares."""
    # The plugin's own rule; its module needs Django's models.
    from ad_autocategorize.categories.label_weights import cap_sellers

    weights = cap_sellers(site.filed, site.sellers, [1.0] * len(site.titles), cap)
    groups = group_sellers(site.titles, site.filed, site.sellers, settings) if together else None
    scores = out_of_fold_scores(site.titles, site.filed, settings, weights=weights, groups=groups)
    near = find_near_identical(site.titles, range(len(site.titles)), settings, sellers=site.sellers)
    quality = judge_labels(
        scores.categories,
        scores.probabilities,
        scores.given,
        witnesses=scores.witnesses,
        dominated=scores.dominated,
        twins=filed_shares(near, scores.given, scores.fold_of),
    )
    doubted = np.zeros(len(site.titles), dtype=bool)
    doubted[quality.candidates()] = True
    his = np.array([bool(seller) for seller in site.sellers])
    sent = np.array(
        [scores.categories[to] == path for to, path in zip(quality.suggested, site.belong, strict=True)], dtype=bool
    )
    robbed = ~his & np.array([path in site.robbed for path in site.filed])
    return [_share(doubted, his), _share(doubted & sent, his), _share(doubted, ~his), _share(doubted, robbed)]


def _share(what: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float(what[among].mean()) if among.any() else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=FilePath)
    parser.add_argument("--ads", default="300,1000", help="How many ads the flooding seller has.")
    parser.add_argument("--kinds", default=",".join([*KINDS, *SHOPS]))
    parser.add_argument("--seeds", default="0,1,2", help="Each draws categories and wordings anew; means are printed.")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    import django

    django.setup()
    data = encode(read_title_set(options.file))
    settings = TitleSettings(language=data.language)
    counts, seeds = [int(count) for count in options.ads.split(",")], [int(seed) for seed in options.seeds.split(",")]
    print("| seller | ads | his ads | cap | doubted | sent rightly | others' doubted | robbed doubted |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in options.kinds.split(","):
        for count in counts if kind in KINDS else [0]:
            sites = [flooded(data, kind, count, s) if kind in KINDS else with_shop(data, kind, s) for s in seeds]
            ads = count or round(np.mean([sum(map(bool, site.sellers)) for site in sites]))
            for together, cap in [(False, None), (False, CAP), (True, CAP)]:
                shares = np.mean([measure(site, settings, together, cap) for site in sites], axis=0)
                cells = " | ".join("-" if np.isnan(value) else f"{value:.3f}" for value in shares)
                dealt = "together" if together else "dealt out"
                print(f"| {kind} | {ads} | {dealt} | {f'{cap:.0f}' if cap else 'none'} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
