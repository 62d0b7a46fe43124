"""The category by title, by photo and by both, on real ads with photos.

    python -m benchmarks.item_photos FOLDER --backbone BACKBONE [--splits 10] [--least 12] [--embeddings CACHE.npy]

``FOLDER`` holds ``items.csv`` (title, category_path, file) and the photos that it names, ``BACKBONE`` is a folder that
``export_backbone`` wrote. Ads of paths with fewer ads than ``--least`` are left out. Near-identical titles are on one side of
every split; whatever is chosen is chosen on the training part. Beside ours stands a flat LinearSVC on the same titles, tuned on
the training part too.

Beside each calibration error stands its floor: what probabilities without any fault would show on so few ads. Ads of several
photos are put together from those of a category, two besides the ad's own, and one of another main category that misleads.
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
from ad_autocategorize.item_photos.classifier import join_photos, log_softmax
from ad_autocategorize.item_photos.training.evaluation import BOTH, TITLE, HeldOut, evaluate_photos, measure
from ad_autocategorize.item_photos.training.learning import Ads
from ad_autocategorize.item_photos.training.sums import AdPhotos
from ad_autocategorize.statistics.reliability import expected_calibration_error
from ad_autocategorize.titles.evaluation.baselines import predict_flat
from ad_autocategorize.titles.evaluation.duplicates import find_twins
from ad_autocategorize.titles.evaluation.splits import split_by_group
from ad_autocategorize.titles.settings import TitleSettings

BATCH = 16
RUNS = 30
DRAWS = 200


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
    parser.add_argument("--splits", type=int, default=10)
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
        held_out = evaluate_photos(ads, settings, groups, split=split_by_group(paths, groups, seed), seed=seed)
        seconds = time.perf_counter() - start
        if held_out is None:
            raise SystemExit("too few ads")
        pooled.append(held_out)
        collected.append(figures(held_out) | several_photos(held_out, vectors[held_out.rows], seed))
        if options.flat:
            collected[-1]["flat LinearSVC on titles: path"] = _flat(ads, held_out, settings, seed)
        fusion = held_out.learned.fusion
        print(
            f"split {seed}: {held_out.learned.shrinkage}, title {fusion.title_weight:.2f}, photo {fusion.photo_weight:.2f} "
            f"+ {fusion.entropy_weight:.2f} a nat, p {held_out.comparison.p_value:.2g}, {seconds:.0f} s",
            flush=True,
        )
    _print_table(collected, pooled)


def _print_table(collected: list[dict[str, float]], pooled: list[HeldOut]) -> None:
    print("| figure | mean | least | most |\n|---|---|---|---|")
    for name in collected[0]:
        values = [row[name] for row in collected]
        print(f"| {name} | {np.mean(values):.4f} | {min(values):.4f} | {max(values):.4f} |")
    for name in pooled[0].views:
        print(f"| {name}: ECE, all splits together | {pooled_error(pooled, name):.4f} | | |")
    short = np.concatenate([each.short for each in pooled])
    gained = [np.concatenate([_right(each, name) for each in pooled])[short].sum() for name in (TITLE, BOTH)]
    print(f"| titles of two known words or fewer, all splits: {short.sum()}, gained | {gained[1] - gained[0]} | | |")


def figures(held_out: HeldOut) -> dict[str, float]:
    """Return the figures of one split by name."""
    found: dict[str, float] = {}
    for name in held_out.views:
        scores = measure(held_out, name)
        found[f"{name}: path"] = scores.accuracy
        found |= {f"{name}: level {level}": value for level, value in enumerate(scores.levels, 1)}
        found |= {f"{name}: top 3": scores.top3, f"{name}: ECE": scores.expected_calibration_error}
        found[f"{name}: floor of the ECE"] = noise_floor(held_out.views[name].max(axis=1))
        found[f"{name}: titles of two known words or fewer"] = scores.short or 0.0
        found |= {f"{name}: filed at {target} right": share for target, share in scores.coverage.items()}
    found["share of such titles"] = float(held_out.short.mean())
    return found


def noise_floor(confidence: np.ndarray) -> float:
    """Return the calibration error that such probabilities would show on average if they were the truth itself."""
    rng = np.random.default_rng(0)
    draws = (rng.random(len(confidence)) < confidence for _ in range(DRAWS))
    return float(np.mean([expected_calibration_error(confidence, right) for right in draws]))


def several_photos(held_out: HeldOut, vectors: np.ndarray, seed: int) -> dict[str, float]:
    """Return how often ads of several photos are right by photo and by both; ``vectors`` are the tested ads' own, one each."""
    rng = np.random.default_rng(seed)
    targets, classifier, fusion = held_out.targets, held_out.learned.classifier, held_out.learned.fusion
    mains = np.array([held_out.categories[target][0] for target in targets.tolist()])
    peers = [np.flatnonzero(targets == target) for target in targets.tolist()]
    chosen = [row for row, others in enumerate(peers) if len(others) > 2]
    like = np.array([rng.choice(peers[row][peers[row] != row], 2, replace=False) for row in chosen])
    misleading = np.array([rng.choice(np.flatnonzero(mains != mains[row])) for row in chosen])
    own = np.array(chosen)
    each = classifier.log_probabilities(vectors)
    title = held_out.views[TITLE][own]

    def share(name: str, said: np.ndarray) -> dict[str, float]:
        both = fusion.combine(title, said)
        views = {"photo": said, "both": both}
        return {f"{name}: {view}": float((views[view].argmax(axis=1) == targets[own]).mean()) for view in views}

    sets = {
        "one photo": own[:, None],
        "three photos": np.column_stack([own, like]),
        "one photo and one that misleads": np.column_stack([own, misleading]),
        "three photos and one that misleads": np.column_stack([own, like, misleading]),
    }
    found: dict[str, float] = {}
    for name, rows in sets.items():
        found |= share(name, np.stack([join_photos(each[photos]) for photos in rows]))
    rows = sets["three photos and one that misleads"]
    return found | share("the same, by their mean", log_softmax(each[rows].mean(axis=1)))


def _right(held_out: HeldOut, view: str) -> np.ndarray:
    return held_out.views[view].argmax(axis=1) == held_out.targets


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
