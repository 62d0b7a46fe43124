"""Finding planted label errors: ours beside cleanlab's ranking of a flat classifier.

    python -m benchmarks.mislabels FILE.csv.gz [FILE ...] [--shares 3,5,10] [--kinds uniform,sibling] [--seed 1] [--jobs 1]
                                   [--ours-only]

Wrong labels are planted into paths with eight or more ads: any other path ("uniform"), or one with the same parent
("sibling"). The flat classifier is a LinearSVC (C 0.3, words + characters, 4 folds), its margins scaled by one temperature; of
cleanlab's three label-quality scores the best on each row is given, which nobody can pick without knowing the errors. Ours has
its defaults; with --ours-only it stands alone, which spares most of the time. Labels that were wrong before anything was planted
count as mistakes of all.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.label_errors.mislabels import judge_labels
from ad_autocategorize.titles.label_errors.near_identical import filed_shares, find_near_identical
from ad_autocategorize.titles.label_errors.out_of_fold import FOLDS, assign_folds, out_of_fold_scores
from ad_autocategorize.titles.settings import TitleSettings

LEAST_ADS = 8
CLEANLAB_SCORES = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")
# A category that training lacks gets the margin of a clear no.
MISSING_MARGIN = -3.0


@dataclass(frozen=True)
class LabelledSet:
    """Titles, their categories as positions in ``categories``, and the language."""

    name: str
    language: str
    titles: list[str]
    categories: list[Path]
    labels: NDArray[np.intp]


def read_labelled_set(file: FilePath) -> LabelledSet:
    """Read the titles of paths with enough ads."""
    data = file.read_bytes()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8")
    rows = [(row["title"], row["category_path"]) for row in csv.DictReader(io.StringIO(text, newline=""))]
    counts = Counter(category for _, category in rows)
    rows = [(title, category) for title, category in rows if counts[category] >= LEAST_ADS]
    numbers: dict[tuple[str, ...], int] = {}
    paths = []
    for _, category in rows:
        steps = tuple(category.split(" > "))
        paths.append(tuple(numbers.setdefault(steps[: i + 1], len(numbers) + 1) for i in range(len(steps))))
    categories = sorted(set(paths))
    column = {path: index for index, path in enumerate(categories)}
    name = file.name.split(".")[0]
    labels = np.array([column[path] for path in paths], dtype=np.intp)
    return LabelledSet(name, name.rsplit("_", 1)[-1], [title for title, _ in rows], categories, labels)


def plant(data: LabelledSet, kind: str, share: float, seed: int) -> NDArray[np.intp]:
    """Return the labels with ``share`` of them made wrong."""
    rng = np.random.default_rng(seed)
    below = defaultdict(list)
    for index, path in enumerate(data.categories):
        below[path[:-1]].append(index)
    pools = {
        index: [
            other
            for other in (range(len(data.categories)) if kind == "uniform" else below[path[:-1]])
            if other != index
        ]
        for index, path in enumerate(data.categories)
    }
    labels = data.labels.copy()
    possible = np.flatnonzero([bool(pools[label]) for label in labels])
    for row in rng.choice(possible, round(share * len(labels)), replace=False):
        pool = pools[int(labels[row])]
        labels[row] = pool[rng.integers(len(pool))]
    return labels


def ours(data: LabelledSet, labels: NDArray[np.intp], jobs: int) -> NDArray[np.float64]:
    paths = [data.categories[label] for label in labels]
    settings = TitleSettings(language=data.language)
    scores = out_of_fold_scores(data.titles, paths, settings, jobs=jobs)
    near = find_near_identical(data.titles, range(len(paths)), settings)
    twins = filed_shares(near, scores.given, scores.fold_of)
    return judge_labels(scores.categories, scores.probabilities, scores.given, twins=twins).score


def cleanlab_flat(data: LabelledSet, labels: NDArray[np.intp]) -> dict[str, NDArray[np.float64]]:
    from cleanlab.rank import get_label_quality_scores
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax
    from sklearn.svm import LinearSVC

    from benchmarks.systems import all_features

    fold_of = assign_folds([data.categories[label] for label in labels], FOLDS, 0)
    margins = np.full((len(labels), len(data.categories)), MISSING_MARGIN)
    for fold in range(FOLDS):
        seen, unseen = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        features = all_features().fit([data.titles[i] for i in seen])
        model = LinearSVC(C=0.3).fit(features.transform([data.titles[i] for i in seen]), labels[seen])
        margins[np.ix_(unseen, model.classes_)] = model.decision_function(
            features.transform([data.titles[i] for i in unseen])
        )
    rows = np.arange(len(labels))

    def loss(log_scale: float) -> float:
        return float(-log_softmax(margins * np.exp(log_scale), axis=1)[rows, labels].mean())

    scale = np.exp(minimize_scalar(loss, bounds=(-3, 4), method="bounded").x)
    probabilities = np.exp(log_softmax(margins * scale, axis=1))
    return {name: -get_label_quality_scores(labels, probabilities, method=name) for name in CLEANLAB_SCORES}


@dataclass(frozen=True)
class Quality:
    """How well a ranking finds the planted errors."""

    average_precision: float
    level_1: float
    at_half: float
    at_all: float


def judge(score: NDArray[np.float64], planted: NDArray[np.bool_], main_wrong: NDArray[np.bool_]) -> Quality:
    """Judge a ranking; ``main_wrong`` are the planted errors whose main category is wrong."""
    from sklearn.metrics import average_precision_score

    order = np.argsort(-score, kind="stable")
    count = int(planted.sum())
    rest = ~planted | main_wrong
    level_1 = average_precision_score(main_wrong[rest], score[rest]) if main_wrong.any() else float("nan")
    # At as many ads as there are errors, precision and recall are the same number.
    return Quality(
        float(average_precision_score(planted, score)),
        float(level_1),
        float(planted[order[: count // 2]].mean()),
        float(planted[order[:count]].mean()),
    )


def compare(data: LabelledSet, kind: str, share: float, options: argparse.Namespace) -> Iterator[str]:
    """Yield the lines of one row of the table."""
    labels = plant(data, kind, share, options.seed)
    planted = labels != data.labels
    mains = np.array([path[0] for path in data.categories])
    main_wrong = mains[labels] != mains[data.labels]
    start = time.perf_counter()
    result = judge(ours(data, labels, options.jobs), planted, main_wrong)
    seconds = time.perf_counter() - start
    rankings = [("ours", result)]
    if not options.ours_only:
        flat = {name: judge(score, planted, main_wrong) for name, score in cleanlab_flat(data, labels).items()}
        best = max(flat, key=lambda name: flat[name].average_precision)
        rankings.append((f"cleanlab, flat, {best}", flat[best]))
    for name, quality in rankings:
        level_1 = "-" if np.isnan(quality.level_1) else f"{quality.level_1:.3f}"
        yield (
            f"| {data.name} | {kind} {share:.0%} | {name} | {quality.average_precision:.3f} | {level_1} | "
            f"{quality.at_half:.3f} | {quality.at_all:.3f} | {f'{seconds:.0f}' if name == 'ours' else ''} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=FilePath)
    parser.add_argument("--shares", default="3,5,10", help="Percent of the labels made wrong.")
    parser.add_argument("--kinds", default="uniform,sibling", help="How they are made wrong.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="Processes that train ours.")
    parser.add_argument("--ours-only", action="store_true", help="Leave cleanlab's ranking out.")
    options = parser.parse_args()
    print(
        "| set | planted | ranking | average precision | of level-1 errors | precision at n/2 | precision = recall at n | s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for file in options.files:
        data = read_labelled_set(file)
        for kind in options.kinds.split(","):
            for share in options.shares.split(","):
                for line in compare(data, kind, int(share) / 100, options):
                    print(line, flush=True)


if __name__ == "__main__":
    main()
