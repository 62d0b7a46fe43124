"""What the next model learns when sellers take a wrong suggestion, with and without the weights of labels.

    python -m benchmarks.echoed_labels FILE.csv.gz [--shares 0,25,50,75] [--weights 0.25,0.5] [--period 50] [--seeds 0,1]

A first model learns from the older part of a third's hold-out split. The titles of the following period are new ads: their sellers are shown
its suggestions. Where the first is right they take it; where it is wrong they take it all the same in the given share of the
cases, and file the ad where it belongs otherwise. The next model learns from all of it. Printed is its whole-path accuracy on
titles that no model has seen, against the true labels: all labels counting the same, then with the weights of ``conf.DEFAULTS``
and those given for echoes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath

import numpy as np

from ad_autocategorize.conf import DEFAULTS
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training import train
from benchmarks.datasets import TitleSet, read_title_set

CORRECTED = DEFAULTS["CORRECTED_LABEL_WEIGHT"]


@dataclass(frozen=True)
class Period:
    """The ads of a period as their sellers filed them: what they took as it was, and what they corrected."""

    paths: list[Path]
    echoed: list[bool]
    corrected: list[bool]


def encode(data: TitleSet) -> tuple[list[Path], list[Path]]:
    """Return the paths of the training and of the test part as node numbers."""
    numbers: dict[tuple[str, ...], int] = {}

    def number(names: tuple[str, ...]) -> Path:
        return tuple(numbers.setdefault(names[: n + 1], len(numbers) + 1) for n in range(len(names)))

    return [number(path) for path in data.train_paths], [number(path) for path in data.test_paths]


def file_ads(suggested: list[Path], true: list[Path], share: float, seed: int) -> Period:
    """Let sellers file their ads: a wrong suggestion is taken in ``share`` of the cases."""
    random = np.random.default_rng(seed)
    hasty = random.random(len(true)) < share
    right = [offer == path for offer, path in zip(suggested, true, strict=True)]
    echoed = [bool(is_right or is_hasty) for is_right, is_hasty in zip(right, hasty, strict=True)]
    paths = [offer if took else path for offer, path, took in zip(suggested, true, echoed, strict=True)]
    return Period(paths, echoed, [not took for took in echoed])


def compare(data: TitleSet, share: float, echoes: list[float], period: float, seed: int) -> Iterator[tuple[str, float]]:
    """Yield the weighting's name and the next model's accuracy."""
    settings = TitleSettings(language=data.language)
    train_paths, test_paths = encode(data)
    order = np.random.default_rng(seed).permutation(len(train_paths))
    cut = round(len(order) * (1 - period))
    old, new = order[:cut].tolist(), order[cut:].tolist()
    old_titles, old_paths = [data.train_titles[i] for i in old], [train_paths[i] for i in old]
    new_titles, new_paths = [data.train_titles[i] for i in new], [train_paths[i] for i in new]
    first = train(old_titles, old_paths, settings, seed=seed)
    suggested = [first.tree.categories[row] for row in first.rank(new_titles)[:, 0].tolist()]
    filed = file_ads(suggested, new_paths, share, seed)
    titles, paths = old_titles + new_titles, old_paths + filed.paths

    def accuracy(echo: float, correction: float) -> float:
        kinds = zip(filed.echoed, filed.corrected, strict=True)
        weights = [1.0] * len(old) + [echo if took else correction if mended else 1.0 for took, mended in kinds]
        scorer = train(titles, paths, settings, weights=weights, seed=seed)
        best = scorer.rank(data.test_titles)[:, 0].tolist()
        right = [scorer.tree.categories[row] == path for row, path in zip(best, test_paths, strict=True)]
        return float(np.mean(right))

    yield "all labels alike", accuracy(1.0, 1.0)
    for echo in echoes:
        yield f"echoes {echo:g}, corrections {CORRECTED:g}", accuracy(echo, CORRECTED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=FilePath)
    parser.add_argument("--shares", default="0,25,50,75", help="Percent of the wrong suggestions that are taken.")
    parser.add_argument("--weights", default="0.25,0.5", help="Weights of echoed labels.")
    parser.add_argument(
        "--period", type=float, default=50, help="Percent of the training titles filed under the model."
    )
    parser.add_argument(
        "--seeds", default="0,1", help="Each draws older ads and hasty sellers anew; means are printed."
    )
    options = parser.parse_args()
    data = read_title_set(options.file)
    echoes, seeds = [float(w) for w in options.weights.split(",")], [int(s) for s in options.seeds.split(",")]
    print("| wrong suggestions taken | weights | path accuracy |")
    print("|---|---|---|")
    for percent in options.shares.split(","):
        share = int(percent) / 100
        rows = [list(compare(data, share, echoes, options.period / 100, seed)) for seed in seeds]
        for results in zip(*rows, strict=True):
            print(f"| {percent} % | {results[0][0]} | {np.mean([value for _, value in results]):.4f} |", flush=True)


if __name__ == "__main__":
    main()
