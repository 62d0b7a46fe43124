"""How long a training takes of the nodes alone whose ads changed, beside one of all of them: ``benchmarks.scale --changed``.

One ad in a hundred changes, all of them in one branch, and then all over the site: a third is new, a third is gone, a third is
filed elsewhere within the branch. Both trainings test on a hold-out, train, and write what they learned.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings

if TYPE_CHECKING:
    from ad_autocategorize.titles.training.state import TrainingState
    from benchmarks.scale import Marketplace

SHARE = 0.01
HEADER = """| training | ads changed | nodes trained | nodes waiting | s | ratio | path | disk MB |
|---|---|---|---|---|---|---|---|"""


@dataclass(frozen=True)
class Site:
    """The ads of a marketplace on one day: their keys, titles and paths."""

    keys: np.ndarray
    titles: list[str]
    paths: list[Path]

    def change(self, market: Marketplace, branch: Path, positions: dict[Path, int], seed: int) -> Site:
        """Return the site on another day, with so many changes within the branch."""
        random = np.random.default_rng(seed)
        third = int(len(self.titles) * SHARE / 3)
        inside = np.flatnonzero([path[: len(branch)] == branch for path in self.paths])
        drawn = random.permutation(inside)[: 2 * third]
        gone, refiled = set(drawn[:third].tolist()), drawn[third:].tolist()
        there = sorted({self.paths[ad] for ad in inside.tolist()})
        paths = list(self.paths)
        for ad in refiled:
            paths[ad] = there[random.integers(len(there))]
        rest = [ad for ad in range(len(paths)) if ad not in gone]
        chosen = [there[number] for number in random.integers(len(there), size=third).tolist()]
        fresh = market.titles(np.array([positions[path] for path in chosen]), random)
        keys = np.concatenate([self.keys[rest], random.integers(2**63, size=third, dtype=np.uint64)])
        return Site(keys, [self.titles[ad] for ad in rest] + fresh, [paths[ad] for ad in rest] + chosen)


def measure_changed(
    market: Marketplace, titles: list[str], paths: list[Path], positions: dict[Path, int], jobs: int
) -> None:
    """Print a row for the training of all nodes, and one for each branch in which ads change."""
    site = Site(np.random.default_rng(0).integers(2**63, size=len(titles), dtype=np.uint64), titles, paths)
    print(HEADER, flush=True)
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        right = _train_whole(site, FilePath(folder) / "whole", jobs)
        whole = time.perf_counter() - start
        size = _megabytes(FilePath(folder) / "whole")
        print(f"| all | - | all | 0 | {whole:.1f} | 1 | {right:.4f} | {size:.0f} |", flush=True)
        for number, branch in enumerate(_branches(paths), 1):
            changed = site.change(market, branch, positions, number)
            start = time.perf_counter()
            right, renewed = _train_changed(changed, FilePath(folder) / "whole", FilePath(folder) / str(number), jobs)
            took = time.perf_counter() - start
            below = sum(path[: len(branch)] == branch for path in paths)
            where = ("all over the site", "one main category", "one branch")[len(branch)]
            print(
                f"| {where} of {below:,} ads | {renewed.changed:,} | "
                f"{renewed.trained} of {renewed.nodes} | {renewed.waiting} | {took:.1f} | {took / whole:.3f} | {right:.4f} | "
                f"{_megabytes(FilePath(folder) / str(number)):.0f} |",
                flush=True,
            )


def _branches(paths: list[Path]) -> Iterator[Path]:
    """Yield the largest branch of the largest main category, a small main category in which enough ads can change, and all."""
    of_mains = Counter(path[:1] for path in paths)
    main = of_mains.most_common(1)[0][0]
    yield Counter(path[:2] for path in paths if path[:1] == main and len(path) > 2).most_common(1)[0][0]
    yield min((main for main, ads in of_mains.items() if ads > 2 * SHARE * len(paths)), key=of_mains.__getitem__)
    yield ()


@dataclass(frozen=True)
class _Counts:
    changed: int
    trained: int
    nodes: int
    waiting: int


def _train_whole(site: Site, folder: FilePath, jobs: int) -> float:
    from ad_autocategorize.titles.evaluation import hold_out
    from ad_autocategorize.titles.training.changes import FiledTitles
    from ad_autocategorize.titles.training.state import TrainingState
    from ad_autocategorize.titles.training.training import train

    normalize = Normalizer(TitleSettings())
    titles = [" ".join(normalize(title)) for title in site.titles]
    held = hold_out(titles, site.paths, TitleSettings(), keys=site.keys, jobs=jobs)
    served = train(titles, site.paths, held.evaluation.chosen_settings, jobs=jobs)
    is_tested = np.ones(len(site.titles), dtype=bool)
    is_tested[held.learned] = False
    filed = FiledTitles.of(site.keys, titles, site.paths, [1.0] * len(titles))
    _save(TrainingState(served, held.tested, filed, is_tested, "whole"), folder)
    return held.evaluation.path_accuracy


def _train_changed(site: Site, earlier: FilePath, folder: FilePath, jobs: int) -> tuple[float, _Counts]:
    from ad_autocategorize.titles.evaluation import hold_out_changed
    from ad_autocategorize.titles.scorer import TitleScorer
    from ad_autocategorize.titles.training.changes import FiledTitles, count_changes
    from ad_autocategorize.titles.training.incremental import Ads, train_changed
    from ad_autocategorize.titles.training.state import STATE_FOLDER, TrainingState

    scorer = TitleScorer.load(earlier)
    state = TrainingState.load(earlier / STATE_FOLDER, "", scorer)
    normalize, known = Normalizer(scorer.settings), scorer.words
    titles = [" ".join(word for word in normalize(title) if word in known) for title in site.titles]
    ads = Ads(FiledTitles.of(site.keys, titles, site.paths, [1.0] * len(titles)), titles, site.paths)
    held = hold_out_changed(state.tested, state.ads.part(~state.is_tested), ads, site.keys, jobs=jobs)
    renewed = train_changed(state.served, state.ads, ads, jobs=jobs)
    is_tested = np.ones(len(titles), dtype=bool)
    is_tested[held.learned] = False
    _save(TrainingState(renewed.trained, held.tested, ads.filed, is_tested, state.whole), folder)
    counts = _Counts(count_changes(state.ads, ads.filed), renewed.trained_nodes, renewed.nodes, renewed.waiting_nodes)
    return held.evaluation.path_accuracy, counts


def _save(state: TrainingState, folder: FilePath) -> None:
    from ad_autocategorize.titles.training.state import STATE_FOLDER

    state.served.scorer.save(folder, metadata={})
    state.save(folder / STATE_FOLDER)


def _megabytes(folder: FilePath) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
