"""What the next model learns when sellers take a wrong suggestion, with and without the weights of labels.

    python -m benchmarks.echoed_labels FILE.csv.gz [--shares 0,25,50,75] [--weights 1:1:1,0.5:1.5:2] [--moderated 25]
                                       [--period 50] [--seeds 0,1,2]

A third of the titles is held out. A first model learns from the older part of the rest; what follows are new ads, whose sellers
are shown its suggestions. Where the first suggestion is right they take it; where it is wrong they take it all the same in the
given share of the cases, and file the ad where it belongs otherwise. Moderators find and mend some of the wrong ones. The next
model learns from all of it. Printed is its whole-path accuracy on the titles held out, by the weights of echoed, of corrected and
of moderated labels beside plain ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath

import numpy as np

from ad_autocategorize.conf import DEFAULTS
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import train
from benchmarks.datasets import TitleSet, read_title_set

OURS = ":".join(str(DEFAULTS[f"{origin}_LABEL_WEIGHT"]) for origin in ("ECHOED", "CORRECTED", "MODERATED"))


@dataclass(frozen=True)
class Encoded:
    """A set with its paths as node numbers."""

    language: str
    titles: list[str]
    paths: list[Path]
    test_titles: list[str]
    test_paths: list[Path]


def encode(data: TitleSet) -> Encoded:
    numbers: dict[tuple[str, ...], int] = {}

    def number(names: tuple[str, ...]) -> Path:
        return tuple(numbers.setdefault(names[: n + 1], len(numbers) + 1) for n in range(len(names)))

    paths = [[number(path) for path in part] for part in (data.train_paths, data.test_paths)]
    return Encoded(data.language, data.train_titles, paths[0], data.test_titles, paths[1])


def first_suggestions(scorer: TitleScorer, titles: Sequence[str]) -> list[Path]:
    return [scorer.tree.categories[row] for row in scorer.rank(titles, 1)[0][:, 0].tolist()]


def compare(data: Encoded, share: float, seed: int, options: argparse.Namespace) -> Iterator[float]:
    """Yield the next model's accuracy for each weighting, "echoed:corrected:moderated"."""
    settings = TitleSettings(language=data.language)
    random = np.random.default_rng(seed)
    order = random.permutation(len(data.paths)).tolist()
    titles, true = [data.titles[i] for i in order], [data.paths[i] for i in order]
    old = round(len(order) * (1 - options.period / 100))
    suggested = first_suggestions(train(titles[:old], true[:old], settings, seed=seed).scorer, titles[old:])
    hasty = (random.random(len(suggested)) < share).tolist()
    took = [offer == path or rash for offer, path, rash in zip(suggested, true[old:], hasty, strict=True)]
    filed = [offer if taken else path for offer, path, taken in zip(suggested, true[old:], took, strict=True)]
    found = (random.random(len(filed)) < options.moderated / 100).tolist()
    mended = [was_found and at != path for was_found, at, path in zip(found, filed, true[old:], strict=True)]
    filed = [path if is_mended else at for at, path, is_mended in zip(filed, true[old:], mended, strict=True)]
    for weighting in options.weights.split(","):
        echoed, corrected, moderated = map(float, weighting.split(":"))
        origins = zip(took, mended, strict=True)
        weights = [1.0] * old + [moderated if fixed else echoed if taken else corrected for taken, fixed in origins]
        scorer = train(titles, true[:old] + filed, settings, weights=weights, seed=seed).scorer
        best = first_suggestions(scorer, data.test_titles)
        yield float(np.mean([guess == path for guess, path in zip(best, data.test_paths, strict=True)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=FilePath)
    parser.add_argument("--shares", default="0,25,50,75", help="Percent of the wrong suggestions that are taken.")
    parser.add_argument("--weights", default=f"1:1:1,{OURS}", help="Of echoed, corrected, moderated labels.")
    parser.add_argument("--moderated", type=float, default=0, help="Percent of the wrong labels that moderators mend.")
    parser.add_argument("--period", type=float, default=50, help="Percent of the titles filed under the first model.")
    parser.add_argument("--seeds", default="0,1,2", help="Each draws ads and sellers anew; means are printed.")
    options = parser.parse_args()
    data = encode(read_title_set(options.file))
    weightings, seeds = options.weights.split(","), [int(seed) for seed in options.seeds.split(",")]
    print("| wrong suggestions taken | weight of echoes | of corrections | of moderated labels | path accuracy |")
    print("|---|---|---|---|---|")
    for percent in options.shares.split(","):
        rows = [list(compare(data, int(percent) / 100, seed, options)) for seed in seeds]
        for weighting, results in zip(weightings, zip(*rows, strict=True), strict=True):
            weights = " | ".join(weighting.split(":"))
            print(f"| {percent} % | {weights} | {np.mean(results):.4f} |", flush=True)


if __name__ == "__main__":
    main()
