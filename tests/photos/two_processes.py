"""Run by ``torchrun`` from the tests: trains the toy network and writes what came out."""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from ad_autocategorize.photos.training.dataset import PhotoSet
from ad_autocategorize.photos.training.distributed import join_processes, leave_processes, rank_and_size
from ad_autocategorize.photos.training.images import pack_photos
from ad_autocategorize.photos.training.training import Trainer
from ad_autocategorize.photos.vocabularies import Vocabularies
from tests.photos.toys import make_photos, toy_network, toy_settings


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    join_processes("cpu")
    rank, size = rank_and_size()
    records = make_photos(folder / f"photos-{size}-{rank}", 240)
    vocabularies = Vocabularies.of(record.labels for record in records)
    photos = PhotoSet.of(pack_photos(records, folder / f"cache-{size}-{rank}", 24, 32), vocabularies)
    chosen = np.arange(len(photos)) < 180
    settings = toy_settings(epochs=10)
    # Each process starts from other weights; the first one's count.
    torch.manual_seed(rank)
    trainer = Trainer(toy_network(vocabularies), settings, photos.subset(chosen), photos.subset(~chosen))
    score = max(epoch.score for epoch in trainer.run())
    (folder / f"{size}-{rank}.json").write_text(json.dumps({"score": score, "steps": trainer.steps}))
    weights = {name: value.clone().contiguous() for name, value in trainer.average.module.state_dict().items()}
    save_file(weights, folder / f"weights-{size}-{rank}.safetensors")
    leave_processes()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
