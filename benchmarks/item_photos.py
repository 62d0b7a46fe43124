"""The category by title, by photo and by both, on real ads with photos.

    python -m benchmarks.item_photos FOLDER --backbone BACKBONE [--splits 3] [--least 12] [--embeddings CACHE.npy]

``FOLDER`` holds ``items.csv`` (title, category_path, file) and the photos that it names, ``BACKBONE`` is a folder that
``export_backbone`` wrote. Ads of paths with fewer ads than ``--least`` are left out. Near-identical titles are on one side of
every split; whatever is chosen is chosen on the training part. Beside ours stands a flat LinearSVC on the same titles, tuned on
the training part too.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from ad_autocategorize.item_photos.backbone import Embedder
from ad_autocategorize.item_photos.training.evaluation import HeldOut, measure, test_photos
from ad_autocategorize.item_photos.training.learning import Ads
from ad_autocategorize.item_photos.training.sums import AdPhotos
from ad_autocategorize.statistics.reliability import expected_calibration_error
from ad_autocategorize.titles.evaluation.baselines import predict_flat
from ad_autocategorize.titles.evaluation.duplicates import find_twins
from ad_autocategorize.titles.evaluation.splits import split_by_group
from ad_autocategorize.titles.settings import TitleSettings

BATCH = 16
RUNS = 30


def read_items(folder: Path, least: int) -> tuple[list[str], list[tuple[int, ...]], list[Path]]:
    """Return titles, category paths as numbers, and photos of the ads whose path has ``least`` ads."""
    with (folder / "items.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    counts = Counter(row["category_path"] for row in rows)
    kept = [row for row in rows if counts[row["category_path"]] >= least]
    numbers: dict[tuple[str, ...], int] = {}
    paths = []
    for row in kept:
        steps = tuple(row["category_path"].split(" > "))
        paths.append(tuple(numbers.setdefault(steps[: n + 1], len(numbers)) for n in range(len(steps))))
    return [row["title"] for row in kept], paths, [folder / row["file"] for row in kept]


def embed_files(embedder: Embedder, files: list[Path], cache: Path | None) -> np.ndarray:
    """Return the embeddings of photos, float16[files, width]; those in ``cache`` are not made again."""
    if cache is not None and cache.exists():
        return np.load(cache)
    parts = []
    for start in range(0, len(files), BATCH):
        parts.append(embedder.embed([Image.open(file).convert("RGB") for file in files[start : start + BATCH]]))
    vectors = np.concatenate(parts).astype(np.float16)
    if cache is not None:
        np.save(cache, vectors)
    return vectors


def milliseconds(embedder: Embedder, file: Path) -> float:
    """Return the time that one decoded photo takes from its pixels to its embedding."""
    photo = Image.open(file).convert("RGB")
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        embedder.embed([photo])
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def main() -> None:
    """Print a line a split, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbone", type=Path, required=True)
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--least", type=int, default=12)
    parser.add_argument("--language", default="en")
    parser.add_argument(
        "--apart",
        choices=["near", "same"],
        default="near",
        help="Which titles are on one side of a split: near-identical ones (default), or those of the same words alone.",
    )
    parser.add_argument("--flat", action="store_true", help="Train the tuned LinearSVC too, which takes longest.")
    parser.add_argument("--embeddings", type=Path, help="Keep the embeddings in this file, or take them from it.")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")
    titles, paths, files = read_items(options.folder, options.least)
    embedder = Embedder.load(options.backbone)
    vectors = embed_files(embedder, files, options.embeddings)
    settings = TitleSettings(language=options.language)
    twins = find_twins(titles)
    groups = twins.groups if options.apart == "near" else twins.wording
    ads = Ads(titles, paths, AdPhotos(vectors, np.arange(len(titles))))
    print(f"{len(titles)} ads, {len(set(paths))} paths; one photo takes {milliseconds(embedder, files[0]):.1f} ms")
    collected: list[dict[str, float]] = []
    pooled: list[HeldOut] = []
    for seed in range(options.splits):
        start = time.perf_counter()
        held_out = test_photos(ads, settings, groups, split=split_by_group(paths, groups, seed), seed=seed)
        seconds = time.perf_counter() - start
        if held_out is None:
            raise SystemExit("too few ads")
        pooled.append(held_out)
        collected.append(figures(held_out))
        if options.flat:
            collected[-1]["flat LinearSVC on titles: path"] = _flat(ads, held_out, settings, seed)
        fusion = held_out.learned.fusion
        print(
            f"split {seed}: {held_out.learned.shrinkage}, title {fusion.title_weight:.2f}, "
            f"photo {fusion.photo_weight:.2f}, p {held_out.comparison.p_value:.2g}, {seconds:.0f} s",
            flush=True,
        )
    print("| figure | mean | least | most |\n|---|---|---|---|")
    for name in collected[0]:
        values = [row[name] for row in collected]
        print(f"| {name} | {np.mean(values):.4f} | {min(values):.4f} | {max(values):.4f} |")
    for name in pooled[0].views:
        print(f"| {name}: ECE, all splits together | {pooled_error(pooled, name):.4f} | | |")


def figures(held_out: HeldOut) -> dict[str, float]:
    """Return the figures of one split by name."""
    found: dict[str, float] = {}
    for name in held_out.views:
        scores = measure(held_out, name)
        found[f"{name}: path"] = scores.accuracy
        found |= {f"{name}: level {level}": value for level, value in enumerate(scores.levels, 1)}
        found |= {f"{name}: top 3": scores.top3, f"{name}: ECE": scores.expected_calibration_error}
        found[f"{name}: titles of two known words or fewer"] = scores.short or 0.0
        found |= {f"{name}: filed at {target} right": share for target, share in scores.coverage.items()}
    found["share of such titles"] = float(held_out.short.mean())
    return found


def pooled_error(splits: list[HeldOut], view: str) -> float:
    """Return the calibration error over all splits: fifteen bins of one split hold too few ads to be close to their own mean."""
    confidence = np.concatenate([each.views[view].max(axis=1) for each in splits])
    right = np.concatenate([each.views[view].argmax(axis=1) == each.targets for each in splits])
    return expected_calibration_error(confidence, right)


def _flat(ads: Ads, held_out: HeldOut, settings: TitleSettings, seed: int) -> float:
    train, test = held_out.split.train, held_out.split.test
    known = ads.part(train)
    guesses, _choice = predict_flat(
        (known.titles, known.paths), [ads.titles[i] for i in test], settings, weights=None, tuning_ads=None, seed=seed
    )
    return float(np.mean([guess == ads.paths[i] for guess, i in zip(guesses, test.tolist(), strict=True)]))


if __name__ == "__main__":
    main()
