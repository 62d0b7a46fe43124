"""Trains the photo network from scratch on a folder of car photos, and a plain ResNet-18 on the same ones beside it.

``python -m benchmarks.cars FOLDER [--not-cars FOLDER]``; the folder holds ``photos/`` and ``labels.csv`` with the columns
file, brand, model, body_type, color, year, split (train or val). Whatever is chosen, the epoch, the decoding, calibration
and thresholds, is chosen on a twelfth of the training part; the photos of the other part serve for the tables alone.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable
from pathlib import Path

import torch

from ad_autocategorize.photos.preprocessing import Preprocessing
from ad_autocategorize.photos.settings import PhotoSettings
from ad_autocategorize.photos.training.dataset import PhotoSet
from ad_autocategorize.photos.training.images import PhotoRecord, pack_photos
from ad_autocategorize.photos.training.network import CarNetwork
from ad_autocategorize.photos.training.training import Epoch, Trainer, predict_logits
from ad_autocategorize.photos.vocabularies import CarLabels, Vocabularies
from benchmarks.car_report import Peer, Trained, print_report

RECIPE = PhotoSettings(
    architecture="resnet18",
    height=112,
    width=176,
    stages=((0.0, 64, 104), (0.5, 80, 128), (0.83, 112, 176)),
    epochs=84,
    batch_size=64,
    learning_rate=0.08,
    patience=0,
    ema=0.992,
    mix=0.5,
    recolor=0.4,
    mix_until=0.9,
    mirror=True,
)
# One linear branch a head, and none of what the recipe adds.
PLAIN = PhotoSettings(
    architecture="resnet18",
    height=84,
    width=112,
    epochs=30,
    batch_size=32,
    patience=0,
    ema=0.0,
    dropout=0.0,
    mix=0.0,
    pair_loss="plain",
)
# Training crops are taken from photos a little larger than the largest crop.
MARGIN = 1.375
# Other things are shown more often than there are photos of them, or the network would hardly meet them.
REPEATED = 3
# Every so manieth training photo is one to choose by.
CHOOSING = 12


def read_records(folder: Path, split: str) -> list[PhotoRecord]:
    """Return the labelled photos of a split."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    return [
        PhotoRecord(
            folder / "photos" / row["file"],
            CarLabels(
                row["brand"] or None,
                row["model"] or None,
                row["body_type"] or None,
                row["color"] or None,
                int(row["year"]) if row["year"] else None,
            ),
            group=row["file"],
        )
        for row in rows
    ]


def read_others(folder: Path) -> tuple[list[PhotoRecord], list[PhotoRecord]]:
    """Return photos of other things, every second kind to learn from and the rest to test on."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        names = sorted(row["file"] for row in csv.DictReader(file))
    records = [PhotoRecord(folder / "photos" / name, group=name, is_car=False) for name in names]
    return records[::2], records[1::2]


def build(
    folder: Path, others: Path | None, cache: Path, settings: PhotoSettings
) -> tuple[Vocabularies, PhotoSet, PhotoSet]:
    """Return the vocabularies, the photos to learn from, which are larger, and those to choose by."""
    records = read_records(folder, "train")
    vocabularies = Vocabularies.of(record.labels for record in records)
    learning = [record for place, record in enumerate(records) if place % CHOOSING]
    if others is not None:
        learning += read_others(others)[0] * REPEATED
    height, width = int(settings.height * MARGIN), int(settings.width * MARGIN)
    return (
        vocabularies,
        pack(learning, cache, height, width, vocabularies),
        pack(records[::CHOOSING], cache, settings.height, settings.width, vocabularies),
    )


def pack(records: list[PhotoRecord], cache: Path, height: int, width: int, vocabularies: Vocabularies) -> PhotoSet:
    """Return photos in one size, and say how many could not be read."""
    packed = pack_photos(records, cache, height, width)
    for reason, count in packed.skipped.counts.most_common():
        print(f"Left out: {count} photos, {reason}.")
    return PhotoSet.of(packed, vocabularies)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--not-cars", type=Path)
    parser.add_argument("--out", type=Path, default=Path("var/benchmark-cars"), help="Cache and checkpoint.")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--resume", action="store_true", help="Go on from the checkpoints; finished ones are reported on."
    )
    parser.add_argument("--without-plain", action="store_true", help="Leave the plain network out.")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    settings = PhotoSettings.from_dict({**RECIPE.to_dict(), "epochs": arguments.epochs})
    network, vocabularies, train, choosing = train_network(settings, arguments, arguments.out)
    held_out = pack_held_out(settings, arguments, vocabularies)
    peer = None if arguments.without_plain else train_plain(arguments)
    others = read_others(arguments.not_cars)[1] if arguments.not_cars else []
    print_report(
        Trained(network, vocabularies, preprocessing(settings)),
        train,
        choosing,
        held_out,
        peer=peer,
        others=others,
        uploads=[record.path for record in read_records(arguments.folder, "val")],
        threads=arguments.threads,
    )


def train_network(
    settings: PhotoSettings, arguments: argparse.Namespace, folder: Path
) -> tuple[CarNetwork, Vocabularies, PhotoSet, PhotoSet]:
    """Return a trained network, its vocabularies, and the photos it learned from and was chosen by."""
    vocabularies, train, choosing = build(arguments.folder, arguments.not_cars, folder / "cache", settings)
    print(f"{len(train)} photos to learn from, {len(choosing)} to choose by; {vocabularies.sizes}", flush=True)
    torch.manual_seed(settings.seed)
    network = CarNetwork(settings, vocabularies)
    trainer = Trainer(network, settings, train, choosing, folder=folder)
    trainer.run(resume=arguments.resume, reports=[epoch_printer()])
    return network, vocabularies, train, choosing


def pack_held_out(settings: PhotoSettings, arguments: argparse.Namespace, vocabularies: Vocabularies) -> PhotoSet:
    """Return the photos of the other part, in the size that a network is served in."""
    tested = read_records(arguments.folder, "val")
    return pack(tested, arguments.out / "cache", settings.height, settings.width, vocabularies)


def train_plain(arguments: argparse.Namespace) -> Peer:
    """Return what the plain network says of the held-out photos."""
    network, vocabularies, _, _ = train_network(PLAIN, arguments, arguments.out / "plain")
    held_out = pack_held_out(PLAIN, arguments, vocabularies)
    name = f"plain {PLAIN.architecture}, {PLAIN.width} x {PLAIN.height}, {PLAIN.epochs} epochs"
    return Peer(name, predict_logits(network, held_out), held_out.labels)


def preprocessing(settings: PhotoSettings) -> Preprocessing:
    return Preprocessing(settings.height, settings.width)


def epoch_printer() -> Callable[[Epoch], None]:
    """Return what prints a line an epoch."""
    begun = time.process_time()

    def report(epoch: Epoch) -> None:
        heads = " ".join(f"{head} {value:.3f}" for head, value in epoch.accuracies.items())
        cores = (time.process_time() - begun) / 60
        print(
            f"epoch {epoch.number:>3} {epoch.progress:>5.1%} loss {epoch.loss:.3f} {heads} "
            f"{epoch.seconds / 60:.1f} min ({cores:.1f} core-minutes), {epoch.remaining_seconds / 60:.0f} to go",
            flush=True,
        )

    return report


if __name__ == "__main__":
    main()
