"""Fine-tunes the photo network on a folder of car photos as ``retrain_cnn`` does, and prints all that is measured of it.

``python -m benchmarks.cars FOLDER [--not-cars FOLDER]``; the folder holds ``photos/``, ``labels.csv`` with the columns file,
brand, model, body_type, color, year, split (train or val), and, where a model guessed colors, ``machine_colors.csv`` with file,
color, probability. Whatever is chosen, epoch, view, calibration and thresholds, is chosen on a twelfth of the training part; the
photos of the other part are looked at once, for the tables.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from ad_autocategorize.photos.settings import PhotoSettings
from ad_autocategorize.photos.training.backbones import initialize
from ad_autocategorize.photos.training.dataset import PhotoSet
from ad_autocategorize.photos.training.fitting import choose_serving, train_network
from ad_autocategorize.photos.training.images import PhotoRecord, pack_photos
from ad_autocategorize.photos.training.network import CarNetwork
from ad_autocategorize.photos.training.training import Epoch
from ad_autocategorize.photos.vocabularies import CarLabels, Vocabularies
from benchmarks.car_report import Trained, print_report

# What ``retrain_cnn`` does without any setting, the same with a frozen backbone, and what a GPU is for.
RECIPES = {
    "product": PhotoSettings(freeze_backbone=False),
    "frozen": PhotoSettings(freeze_backbone=True),
    "large": PhotoSettings(backbone="tf_efficientnet_lite2", height=224, width=304, freeze_backbone=False),
    "scratch": PhotoSettings(backbone="resnet50", weights="none", height=192, width=256, epochs=50, batch_size=64),
}
# Every so manieth training photo is one to choose by.
CHOOSING = 12
# A color that was guessed with less counts for nothing.
LEAST_PROBABILITY = 0.5


def read_records(folder: Path, split: str) -> list[PhotoRecord]:
    """Return the labelled photos of a split; a color that nobody saw is the guessed one, where there is one."""
    guessed = read_guesses(folder / "machine_colors.csv")
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    return [read_record(folder, row, *guessed.get(row["file"], ("", 0.0))) for row in rows]


def read_guesses(path: Path) -> dict[str, tuple[str, float]]:
    """Return color and probability by file."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["file"]: (row["color"], float(row["probability"])) for row in csv.DictReader(file)}


def read_record(folder: Path, row: dict[str, str], guess: str, probability: float) -> PhotoRecord:
    """Return one row of labels.csv."""
    color, weight = row["color"], 1.0
    if not color and probability >= LEAST_PROBABILITY:
        # Just below one, so that no guess passes for a label that someone saw.
        color, weight = guess, min(probability, 0.999)
    year = int(row["year"]) if row["year"] else None
    labels = CarLabels(row["brand"] or None, row["model"] or None, row["body_type"] or None, color or None, year)
    return PhotoRecord(folder / "photos" / row["file"], labels, group=row["file"], color_weight=weight)


def read_others(folder: Path) -> tuple[list[PhotoRecord], list[PhotoRecord]]:
    """Return photos of other things, every second kind to learn from and the rest to test on."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        names = sorted(row["file"] for row in csv.DictReader(file))
    records = [PhotoRecord(folder / "photos" / name, group=name, is_car=False) for name in names]
    return records[::2], records[1::2]


def pack(
    records: list[PhotoRecord], cache: Path, settings: PhotoSettings, vocabularies: Vocabularies, zoom: float = 1.0
) -> PhotoSet:
    """Return photos in one size, and say how many could not be read."""
    packed = pack_photos(records, cache, settings.height, settings.width, zoom)
    for reason, count in packed.skipped.counts.most_common():
        print(f"Left out: {count} photos, {reason}.")
    return PhotoSet.of(packed, vocabularies)


def parted(folder: Path, others: Path | None) -> tuple[list[PhotoRecord], list[PhotoRecord]]:
    """Return the training photos to learn from, those of other things among them, and those to choose by."""
    records = read_records(folder, "train")
    learning = [record for place, record in enumerate(records) if place % CHOOSING]
    if others is not None:
        learning += read_others(others)[0]
    return learning, records[::CHOOSING]


def train(settings: PhotoSettings, arguments: argparse.Namespace, folder: Path) -> Trained:
    """Return a trained network, with all that was chosen on the photos to choose by."""
    learning, choosing = parted(arguments.folder, arguments.not_cars)
    cars = [record for record in learning if record.is_car][: arguments.photos]
    learning = cars + [record for record in learning if not record.is_car]
    vocabularies = Vocabularies.of(record.labels for record in learning + choosing)
    cache = arguments.out / "cache"
    learned = pack(learning, cache, settings, vocabularies)
    torch.manual_seed(settings.seed)
    network = CarNetwork(settings.backbone, vocabularies, settings.height, settings.width)
    origin = initialize(network.backbone, settings.backbone, settings.weights)
    print(f"{settings.backbone}, weights {origin.weights} ({origin.licence or 'no licence'}), {settings}")
    print(f"{len(learned)} photos to learn from, {len(choosing)} to choose by; {vocabularies.sizes}", flush=True)
    begun = time.monotonic(), time.process_time()
    train_network(
        network,
        settings,
        learned,
        pack(choosing, cache, settings, vocabularies),
        work=folder,
        embeddings=folder,
        device=arguments.device,
        resume=arguments.resume,
        reports=[epoch_printer(len(learned))],
    )
    minutes, cores = (time.monotonic() - begun[0]) / 60, (time.process_time() - begun[1]) / 60
    print(f"Trained in {minutes:.1f} minutes, {cores:.1f} core-minutes; {bound_by(arguments.device)}", flush=True)
    served = choose_serving(
        network,
        settings,
        learned,
        lambda zoom: pack(choosing, cache, settings, vocabularies, zoom),
        vocabularies,
        vocabularies.compatibility(),
        others_learned=arguments.not_cars is not None,
        embeddings=folder,
        device=arguments.device,
    )
    return Trained(network, vocabularies, served)


def bound_by(device: str) -> str:
    """Return the share of the time in which the device was busy, where it can be told."""
    if not device.startswith("cuda"):
        return "bound by the cores"
    return f"GPU memory used at most {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"


def report(trained: Trained, settings: PhotoSettings, arguments: argparse.Namespace) -> None:
    """Print what the photos of the other part say."""
    zoom = trained.served.preprocessing.zoom
    tested = read_records(arguments.folder, "val")
    others = read_others(arguments.not_cars)[1] if arguments.not_cars else []
    cache = arguments.out / "cache"
    sets = [pack(records, cache, settings, trained.vocabularies, zoom) for records in (tested, others)]
    print_report(trained, *sets, tested[0].path, arguments.device)


def epoch_printer(photos: int) -> Callable[[Epoch], None]:
    """Return what prints a line per epoch."""
    begun = time.process_time()

    def report(epoch: Epoch) -> None:
        heads = " ".join(f"{head} {value:.3f}" for head, value in epoch.accuracies.items())
        cores = (time.process_time() - begun) / 60
        rate = photos * (epoch.number + 1) / epoch.seconds
        print(
            f"epoch {epoch.number + 1:>3} {epoch.progress:>5.1%} loss {epoch.loss:.3f} {heads} "
            f"{epoch.seconds / 60:.1f} min ({cores:.1f} core-minutes), {rate:.0f} photos/s, "
            f"{epoch.remaining_seconds / 60:.0f} min to go",
            flush=True,
        )

    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--not-cars", type=Path)
    parser.add_argument("--out", type=Path, default=Path("var/benchmark-cars"), help="Cache and checkpoint.")
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, help="What to train (product; on a GPU, all of it).")
    parser.add_argument("--epochs", type=int, help="Instead of each recipe's own.")
    parser.add_argument("--photos", type=int, help="Learn from this many photos of cars alone.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--resume", action="store_true", help="Go on from the checkpoint; a finished one is reported on."
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    chosen = arguments.recipes or (list(RECIPES) if arguments.device.startswith("cuda") else ["product"])
    for name in chosen:
        settings = RECIPES[name]
        if arguments.epochs:
            settings = replace(settings, epochs=arguments.epochs)
        print(f"== {name}", flush=True)
        report(train(settings, arguments, arguments.out / name), settings, arguments)


if __name__ == "__main__":
    main()
