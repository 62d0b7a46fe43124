"""Ours beside its peers on real titles: accuracy, calibration, speed, memory and size.

    python -m benchmarks.titles FILE.csv.gz [FILE ...] [--systems ours,svc,...]

Every system runs in a process of its own, on the same split (see ``datasets``), with the settings that ``systems`` gives; ours
has its defaults. Whatever is chosen is chosen on the training part.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from benchmarks.datasets import TitleSet, read_title_set
from benchmarks.systems import System, make_systems

SINGLE_TITLES = 2000
WARM_UP = 200
# The best run counts: on a shared machine the others tell of the neighbours.
BATCH_RUNS = 7
SINGLE_RUNS = 5
# The test titles of a small set are repeated up to this many, or starting threads would be what is timed.
BATCH_TITLES = 15_000


def measure(system: System, data: TitleSet) -> dict[str, object]:
    """Train, test and time one system."""
    from ad_autocategorize.titles.evaluation import expected_calibration_error

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    system.fit(data.train_titles, data.train_paths, data.language)
    training = time.perf_counter() - start
    scores = system.scores(data.test_titles)
    many = data.test_titles * max(1, BATCH_TITLES // len(data.test_titles))
    batch = np.inf
    for _ in range(BATCH_RUNS):
        start = time.perf_counter()
        system.scores(many)
        batch = min(batch, time.perf_counter() - start)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :3]
    classes = [*system.classes, ()]
    first = [classes[row[0]] for row in order]
    right = np.array([guess == path for guess, path in zip(first, data.test_paths, strict=True)])
    top3 = np.mean([any(classes[i] == path for i in row) for row, path in zip(order, data.test_paths, strict=True)])
    levels = []
    for level in range(1, max(map(len, data.test_paths)) + 1):
        deep = [i for i, path in enumerate(data.test_paths) if len(path) >= level]
        levels.append(np.mean([first[i][:level] == data.test_paths[i][:level] for i in deep]))
    p50, p95 = min(_time_singles(system, data) for _ in range(SINGLE_RUNS))
    calibration = expected_calibration_error(scores.max(axis=1), right) if system.calibrated else None
    return {
        "system": system.name,
        "path": right.mean(),
        "levels": levels,
        "top3": top3,
        "ece": calibration,
        "train_s": training,
        "batch_per_s": len(many) / batch,
        "p50_ms": p50,
        "p95_ms": p95,
        "memory_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
        "size_mb": system.size() / 1e6,
        "load_ms": None if (load := system.load_seconds()) is None else load * 1000,
        "right": right.astype(int).tolist(),
    }


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
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--systems", default=",".join(make_systems()))
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = options.systems.split(",")
    if options.one:
        result = measure(make_systems()[names[0]], read_title_set(options.files[0]))
        print("RESULT " + json.dumps(result, default=float))
        return
    for file in options.files:
        print_header(read_title_set(file))
        results = []
        for name in names:
            results.append(run_alone(file, name))
            print_row(results[-1])
        print_ratios(results)


def run_alone(file: Path, name: str) -> dict[str, object]:
    """Measure one system in a process of its own, so that memory is its own."""
    command = [sys.executable, "-m", "benchmarks.titles", str(file), "--systems", name, "--one"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    line = next((line for line in run.stdout.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        sys.exit(f"{name} failed:\n{run.stderr}")
    return json.loads(line.removeprefix("RESULT "))  # type: ignore[no-any-return]


def print_header(data: TitleSet) -> None:
    print(f"\n{data.name}: {len(data.train_titles)} titles to train on, {len(data.test_titles)} to test on")
    print(
        "| system | path | top 3 | level 1, 2, ... | ECE | train s | batch/s | p50 ms | p95 ms | MB | model MB | load ms |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")


def print_row(result: dict[str, object]) -> None:
    levels = " ".join(f"{value:.3f}" for value in result["levels"])  # type: ignore[attr-defined]
    load = "-" if result["load_ms"] is None else f"{result['load_ms']:.0f}"
    ece = "-" if result["ece"] is None else f"{result['ece']:.3f}"
    print(
        f"| {result['system']} | {result['path']:.4f} | {result['top3']:.4f} | {levels} | {ece} | {result['train_s']:.1f} | "
        f"{result['batch_per_s']:.0f} | {result['p50_ms']:.3f} | {result['p95_ms']:.3f} | {result['memory_mb']:.0f} | "
        f"{result['size_mb']:.1f} | {load} |",
        flush=True,
    )


def print_ratios(results: list[dict[str, object]]) -> None:
    ours, peers = results[0], results[1:]
    for peer in peers:
        speed = float(peer["p50_ms"]) / float(ours["p50_ms"])  # type: ignore[arg-type]
        training = float(peer["train_s"]) / float(ours["train_s"])  # type: ignore[arg-type]
        gain = 100 * (float(ours["path"]) - float(peer["path"]))  # type: ignore[arg-type]
        p_value = mcnemar(np.array(ours["right"], dtype=bool), np.array(peer["right"], dtype=bool))
        print(
            f"{ours['system']} against {peer['system']}: {gain:+.2f} points (p = {p_value:.3g}), "
            f"one title {speed:.1f}x, training {training:.1f}x"
        )


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return how often chance alone would make two equally good systems differ so much on the same titles."""
    either = int((first ^ second).sum())
    return float(binomtest(int((first & ~second).sum()), either).pvalue) if either else 1.0


if __name__ == "__main__":
    main()
