"""Starting from weights that were trained elsewhere."""

from urllib.error import URLError

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from ad_autocategorize.photos.training.network import CarNetwork, load_backbone
from tests.photos.toys import tiny_test_network, toy_settings


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_weights_of_a_local_file_become_the_backbone_s(vocabularies, tmp_path, suffix):
    published = tiny_test_network().state_dict()
    path = tmp_path / f"weights.{suffix}"
    save_file(published, path) if suffix == "safetensors" else torch.save(published, path)
    network = CarNetwork(toy_settings(), vocabularies)
    head = network.heads["brand"].weight.detach().clone()
    load_backbone(network, path)
    assert torch.equal(network.backbone.state_dict()["0.weight"], published["0.weight"])
    assert torch.equal(network.heads["brand"].weight, head)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_file_that_holds_no_weights_is_refused(vocabularies, tmp_path, name):
    path = tmp_path / name
    for content in (b"", b"no weights at all"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="no weights that can be read"):
            load_backbone(CarNetwork(toy_settings(), vocabularies), path)


def test_code_in_a_file_of_weights_is_not_run(vocabularies, tmp_path):
    class Harm:
        def __reduce__(self):
            return (tmp_path.joinpath("harmed").touch, ())

    torch.save({"0.weight": Harm()}, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match="no weights that can be read"):
        load_backbone(CarNetwork(toy_settings(), vocabularies), tmp_path / "weights.pth")
    assert not (tmp_path / "harmed").exists()


def test_weights_of_another_architecture_are_refused(vocabularies, tmp_path):
    torch.save(torchvision.models.shufflenet_v2_x0_5().state_dict(), tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    network = CarNetwork(toy_settings(), vocabularies)
    with pytest.raises(ValueError, match="another architecture"):
        load_backbone(network, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="no state dictionary"):
        load_backbone(network, tmp_path / "list.pth")


def test_names_that_torchvision_does_not_know(vocabularies):
    with pytest.raises(ValueError, match="neither a file nor the name of weights"):
        CarNetwork(toy_settings(architecture="resnet18"), vocabularies, weights="gone.pth")
    with pytest.raises(ValueError, match="Unknown model"):
        CarNetwork(toy_settings(architecture="resnet19"), vocabularies)
    with pytest.raises(ValueError, match="does not end in a linear layer"):
        CarNetwork(toy_settings(architecture="squeezenet1_0"), vocabularies)


def test_weights_that_cannot_be_downloaded(vocabularies, monkeypatch):
    def offline(*arguments, **options):
        raise URLError("no route")

    monkeypatch.setattr(torchvision.models.ResNet18_Weights, "get_state_dict", offline)
    with pytest.raises(ValueError, match=r"could not be downloaded \(no route\); name a local file"):
        CarNetwork(toy_settings(architecture="resnet18"), vocabularies, weights="DEFAULT")


@pytest.mark.parametrize("architecture", ["resnet34", "resnet50", "mobilenet_v3_small", "convnext_tiny"])
def test_other_torchvision_models_by_name(vocabularies, architecture):
    network = CarNetwork(toy_settings(architecture=architecture), vocabularies).eval()
    with torch.inference_mode():
        outputs = network(torch.rand(1, 3, 64, 64))
    assert outputs["model"].shape == (1, len(vocabularies.model))
