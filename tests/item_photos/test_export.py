"""From a model of timm to the graph that gives embeddings."""

import io

import numpy as np
import pytest
import torch
from django.core.management import CommandError, call_command

from ad_autocategorize.artifacts import ArtifactError
from ad_autocategorize.item_photos.backbone import Embedder, newest_backbone, write_backbone
from ad_autocategorize.photos.preprocessing import Preprocessing
from ad_autocategorize.photos.training.backbones import make_backbone
from tests.item_photos.toys import photo_of, tiny_graph
from tests.photos.toys import tiny_test_network


def test_the_command_writes_what_torch_would_answer(model_dir, tmp_path):
    torch.manual_seed(0)
    weights = tmp_path / "weights.pth"
    made = make_backbone("tiny_test_network", 24, 32)
    torch.save(made.module.state_dict(), weights)
    out = io.StringIO()
    size = ["--height", "24", "--width", "32"]
    call_command("export_backbone", "tiny_test_network", "--weights", str(weights), *size, stdout=out)
    folder = newest_backbone(model_dir)
    assert folder.name in out.getvalue() and "licence unknown" in out.getvalue()
    embedder = Embedder.load(folder)
    photos = [photo_of(color, np.random.default_rng(0)) for color in ("red", "green", "blue")]
    found = embedder.embed(photos)
    pixels = embedder.preprocessing.normalize(np.stack([embedder.preprocessing.resize(photo) for photo in photos]))
    with torch.inference_mode():
        expected = made.module((torch.from_numpy(pixels) - 0.5) / 0.5).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert embedder.width == tiny_test_network(num_classes=0)(torch.zeros(1, 3, 24, 32)).shape[1]
    # The very same one is written once.
    call_command("export_backbone", "tiny_test_network", "--weights", str(weights), *size, stdout=io.StringIO())
    assert [entry.name for entry in model_dir.iterdir()] == [folder.name]


@pytest.mark.parametrize("wrong", [["no_such_backbone"], ["tiny_test_network", "--weights", "/nowhere.pth"]])
def test_what_cannot_be_exported_is_said(model_dir, wrong):
    with pytest.raises(CommandError):
        call_command("export_backbone", *wrong)


def test_a_graph_that_gives_no_embeddings_is_refused(tmp_path):
    with pytest.raises(ValueError, match="one output named embeddings"):
        write_backbone(tmp_path, "x", tiny_graph("logits"), Preprocessing(16, 16), {})
    with pytest.raises(ArtifactError):
        Embedder.load(tmp_path / "nothing")
