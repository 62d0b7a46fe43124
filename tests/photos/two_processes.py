"""Run by ``torchrun`` from the tests: trains the toy network and writes its weights."""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from ad_autocategorize.photos.training.dataset import PhotoSet
from ad_autocategorize.photos.training.distributed import join_processes, leave_processes, rank_and_size
from ad_autocategorize.photos.training.images import pack_photos
from ad_autocategorize.photos.training.network import CarNetwork
from ad_autocategorize.photos.training.training import Trainer
from ad_autocategorize.photos.vocabularies import Vocabularies
from tests.photos.toys import make_photos, toy_settings


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    join_processes("cpu")
    rank, size = rank_and_size()
    records = make_photos(folder / f"photos-{size}-{rank}", 96)
    vocabularies = Vocabularies.of(record.labels for record in records)
    photos = PhotoSet.of(pack_photos(records, folder / f"cache-{size}-{rank}", 24, 32), vocabularies)
    chosen = np.arange(len(photos)) < 64
    settings = toy_settings(epochs=2)
    # Each process starts from other weights; the first one's count.
    torch.manual_seed(rank)
    network = CarNetwork(settings, vocabularies)
    trainer = Trainer(network, settings, photos.subset(chosen), photos.subset(~chosen))
    # In 16 bits, sums in another order differ by more than the test allows.
    trainer._autocast = torch.autocast("cpu", torch.bfloat16, enabled=False)
    trainer.run()
    if rank == 0:
        weights = {name: value.clone().contiguous() for name, value in trainer.average.module.state_dict().items()}
        save_file(weights, folder / f"weights-{size}.safetensors")
    leave_processes()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
