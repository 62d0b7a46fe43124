"""Ours beside its peers on real titles: accuracy, calibration, speed, memory and size.

    python -m benchmarks.titles FILE.csv.gz [FILE ...] [--systems ours,svc,...] [--splits N]

Every system runs in a process of its own, on the same split (see ``datasets``), with the settings that ``systems`` gives; ours
has its defaults. Whatever is chosen is chosen on the training part.

With ``--splits N`` the whole set is dealt into N parts, each tested once with the others learned from, and the answers are taken
together: more titles to tell small leads and calibration errors from chance, and no times. "chance" is the calibration error that
probabilities without any fault show on so many titles.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.statistics.paired import PairedShares
from ad_autocategorize.statistics.reliability import expected_calibration_error
from benchmarks.datasets import TitleSet, deal_title_set, read_title_set
from benchmarks.systems import FloatArray, Path, System, make_systems

SINGLE_TITLES = 2000
WARM_UP = 200
# The best run counts: on a shared machine the others tell of the neighbours.
BATCH_RUNS = 7
SINGLE_RUNS = 5
# The test titles of a small set are repeated up to this many, or starting threads would be what is timed.
BATCH_TITLES = 15_000
CHANCE_DRAWS = 200

BoolArray = NDArray[np.bool_]
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answers:
    """What a system said of test titles.

    Attributes
    ----------
    in_top3 : shape (titles, 3): whether the first, second and third path is the right one.
    levels : of each level, whether it is right, for the titles that are filed so deep.
    confidence : shape (titles,): the probability of the first path, if the system has probabilities.
    """

    in_top3: BoolArray
    levels: list[BoolArray]
    confidence: FloatArray

    @classmethod
    def of(cls, system: System, titles: Sequence[str], paths: Sequence[Path]) -> Answers:
        """Ask a trained system."""
        scores = system.scores(titles)
        classes = [*system.classes, ()]
        offered = [[classes[i] for i in row] for row in np.argsort(-scores, axis=1, kind="stable")[:, :3]]
        in_top3 = np.array([[guess == path for guess in row] for row, path in zip(offered, paths, strict=True)])
        levels = [
            np.array([row[0][:n] == path[:n] for row, path in zip(offered, paths, strict=True) if len(path) >= n])
            for n in range(1, max(map(len, paths)) + 1)
        ]
        return cls(in_top3, levels, scores.max(axis=1))

    @classmethod
    def joined(cls, parts: Sequence[Answers]) -> Answers:
        """Take the titles of several parts together."""
        levels = [
            np.concatenate([part.levels[n] for part in parts if n < len(part.levels)])
            for n in range(max(len(part.levels) for part in parts))
        ]
        return cls(
            np.concatenate([part.in_top3 for part in parts]),
            levels,
            np.concatenate([part.confidence for part in parts]),
        )

    def figures(self, calibrated: bool) -> Result:
        """Return accuracy and calibration, and which titles are right."""
        right = self.in_top3[:, 0]
        return {
            "path": right.mean(),
            "top3": self.in_top3.any(axis=1).mean(),
            "levels": [level.mean() for level in self.levels],
            "ece": expected_calibration_error(self.confidence, right) if calibrated else None,
            "chance": chance_calibration_error(self.confidence) if calibrated else None,
            "right": right.astype(int).tolist(),
        }


def chance_calibration_error(confidence: FloatArray) -> float:
    """Return the mean calibration error of titles that are right just as often as their probabilities, shape (titles,), say."""
    random = np.random.default_rng(0)
    draws = [random.random(len(confidence)) < confidence for _ in range(CHANCE_DRAWS)]
    return float(np.mean([expected_calibration_error(confidence, draw) for draw in draws]))


def measure(system: System, data: TitleSet) -> Result:
    """Train, test and time one system."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    system.fit(data.train_titles, data.train_paths, data.language)
    training = time.perf_counter() - start
    answers = Answers.of(system, data.test_titles, data.test_paths)
    many = data.test_titles * max(1, BATCH_TITLES // len(data.test_titles))
    batch = np.inf
    for _ in range(BATCH_RUNS):
        start = time.perf_counter()
        system.scores(many)
        batch = min(batch, time.perf_counter() - start)
    p50, p95 = min(_time_singles(system, data) for _ in range(SINGLE_RUNS))
    return {
        "system": system.name,
        **answers.figures(system.calibrated),
        "train_s": training,
        "batch_per_s": len(many) / batch,
        "p50_ms": p50,
        "p95_ms": p95,
        "memory_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
        "size_mb": system.size() / 1e6,
        "load_ms": None if (load := system.load_seconds()) is None else load * 1000,
    }


def measure_parts(name: str, parts: Iterable[TitleSet]) -> Result:
    """Train one system anew for every part and take the answers about all parts together; nothing is timed."""
    answers = []
    for data in parts:
        system = make_systems()[name]
        system.fit(data.train_titles, data.train_paths, data.language)
        answers.append(Answers.of(system, data.test_titles, data.test_paths))
    system = make_systems()[name]
    return {"system": system.name, **Answers.joined(answers).figures(system.calibrated)}


def _time_singles(system: System, data: TitleSet) -> tuple[float, float]:
    """Return the median and the 95th percentile of the time of one title, in ms."""
    times = []
    for title in data.test_titles[: SINGLE_TITLES + WARM_UP]:
        start = time.perf_counter()
        system.scores([title])
        times.append(time.perf_counter() - start)
    p50, p95 = np.quantile(times[WARM_UP:], [0.5, 0.95]) * 1000
    return float(p50), float(p95)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=FilePath)
    parser.add_argument("--systems", default=",".join(make_systems()))
    parser.add_argument(
        "--splits", type=int, default=1, metavar="N", help="deal the set into N parts, test on each in turn"
    )
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = options.systems.split(",")
    if options.one:
        print("RESULT " + json.dumps(measure_one(options.files[0], names[0], options.splits), default=float))
        return
    for file in options.files:
        print_header(file, options.splits)
        results = []
        for name in names:
            results.append(run_alone(file, name, options.splits))
            print_row(results[-1])
        print_comparisons(results)


def measure_one(file: FilePath, name: str, splits: int) -> Result:
    """Measure one system on the reference split, or on every part of so many."""
    if splits > 1:
        return measure_parts(name, deal_title_set(file, splits))
    return measure(make_systems()[name], read_title_set(file))


def run_alone(file: FilePath, name: str, splits: int) -> Result:
    """Measure one system in a process of its own, so that memory is its own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.titles",
        str(file),
        "--systems",
        name,
        "--splits",
        str(splits),
        "--one",
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    line = next((line for line in run.stdout.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        sys.exit(f"{name} failed:\n{run.stderr}")
    return json.loads(line.removeprefix("RESULT "))


def print_header(file: FilePath, splits: int) -> None:
    columns = ["system", "path", "top 3", "level 1, 2, ...", "ECE (chance)"]
    if splits > 1:
        parts = [len(data.test_titles) for data in deal_title_set(file, splits)]
        print(
            f"\n{file.name.split('.')[0]}: {sum(parts)} titles, tested in {splits} parts, each with the others learned from"
        )
    else:
        data = read_title_set(file)
        print(f"\n{data.name}: {len(data.train_titles)} titles to train on, {len(data.test_titles)} to test on")
        columns += ["train s", "batch/s", "p50 ms", "p95 ms", "MB", "model MB", "load ms"]
    print(f"| {' | '.join(columns)} |\n|" + "---|" * len(columns), flush=True)


def print_row(result: Result) -> None:
    cells = [
        result["system"],
        f"{result['path']:.4f}",
        f"{result['top3']:.4f}",
        " ".join(f"{value:.3f}" for value in result["levels"]),
        "-" if result["ece"] is None else f"{result['ece']:.3f} ({result['chance']:.3f})",
    ]
    if "train_s" in result:
        cells += [
            f"{result['train_s']:.1f}",
            f"{result['batch_per_s']:.0f}",
            f"{result['p50_ms']:.3f}",
            f"{result['p95_ms']:.3f}",
            f"{result['memory_mb']:.0f}",
            f"{result['size_mb']:.1f}",
            "-" if result["load_ms"] is None else f"{result['load_ms']:.0f}",
        ]
    print(f"| {' | '.join(cells)} |", flush=True)


def print_comparisons(results: Sequence[Result]) -> None:
    """Print the lead of the first system over each other one, in points with the 95 % interval, and McNemar's p."""
    ours = results[0]
    for peer in results[1:]:
        pair = PairedShares.of(np.array(peer["right"], dtype=bool), np.array(ours["right"], dtype=bool))
        interval = pair.interval()
        line = (
            f"{ours['system']} against {peer['system']}: {100 * pair.difference:+.2f} points "
            f"({100 * interval.low:+.2f} to {100 * interval.high:+.2f}, p = {pair.p_value:.2g})"
        )
        if "train_s" in ours:
            faster, sooner = peer["p50_ms"] / ours["p50_ms"], peer["train_s"] / ours["train_s"]
            line += f", one title {faster:.1f}x, training {sooner:.1f}x"
        print(line, flush=True)


if __name__ == "__main__":
    main()
