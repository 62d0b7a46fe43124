"""What each part of the photo network's recipe is worth: one short training a variant, on the same photos.

``python -m benchmarks.car_ablations FOLDER [--epochs 10]``; the folder is that of ``benchmarks.cars``. All train in the size of
the recipe's first stage. The three decodings and the model branch without the table need no training of their own: every row
has them. Tested on the photos that ``benchmarks.cars`` chooses by.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ad_autocategorize.photos.settings import PhotoSettings
from ad_autocategorize.photos.training.network import CarNetwork
from ad_autocategorize.photos.training.selection import compare_decodings, unmasked_model_accuracy
from ad_autocategorize.photos.training.training import Trainer, predict_logits
from ad_autocategorize.photos.vocabularies import HEADS, MISSING
from benchmarks.cars import RECIPE, build

VARIANTS: dict[str, dict[str, Any]] = {
    "recipe": {},
    "no augmentation": {"augment": False},
    "no mixing": {"mix": 0.0},
    "no recoloring": {"recolor": 0.0},
    "no label smoothing": {"label_smoothing": 0.0},
    "no weight average": {"ema": 0.0},
    "pair loss: plain": {"pair_loss": "plain"},
    "pair loss: label": {"pair_loss": "label"},
    "year: neighbours": {"year": "neighbours"},
    "year: regression": {"year": "regression"},
    "model weighs 2": {"head_weights": {"model": 2.0}},
    "class weights": {"class_weights": 0.5},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("var/benchmark-cars"))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="*", choices=list(VARIANTS), default=list(VARIANTS))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    _, height, width = RECIPE.stages[0]
    short = {**RECIPE.to_dict(), "stages": (), "height": height, "width": width, "epochs": arguments.epochs}
    vocabularies, train, validation = build(
        arguments.folder, None, arguments.out / "cache", PhotoSettings.from_dict(short)
    )
    labels, table = validation.labels[:, : len(HEADS)], vocabularies.compatibility()
    columns = ("brand", "model", "body_type", "color", "year", "year+-1", "year+-2", "pred.brand", "joint", "unmasked")
    print(f"{'':<20}" + "".join(f"{column:>11}" for column in columns))
    for name in arguments.only:
        settings = PhotoSettings.from_dict({**short, **VARIANTS[name]})
        torch.manual_seed(0)
        network = CarNetwork(settings, vocabularies)
        Trainer(network, settings, train, validation).run()
        logits = predict_logits(network, validation)
        decodings = compare_decodings(logits, labels, table)
        pair = decodings["weighted", 1.0]
        known = labels[:, 4] != MISSING
        colored = labels[:, 3] != MISSING
        years = np.array(vocabularies.year)
        off = np.abs(years[logits["year"].argmax(1)] - years[labels[:, 4]])[known]
        row = [
            pair["brand"],
            pair["model"],
            float((logits["body_type"].argmax(1) == labels[:, 2]).mean()),
            float((logits["color"].argmax(1) == labels[:, 3])[colored].mean()),
            *(float((off <= distance).mean()) for distance in (0, 1, 2)),
            decodings["predicted_brand", 1.0]["model"],
            decodings["joint", 1.0]["model"],
            unmasked_model_accuracy(logits, labels),
        ]
        print(f"{name:<20}" + "".join(f"{value:>11.4f}" for value in row), flush=True)


if __name__ == "__main__":
    main()
