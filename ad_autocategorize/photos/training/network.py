"""One residual network with a branch for each field of the car form, and one that tells cars from other things."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError  # what torch raises for a file of more than tensors
from typing import cast
from urllib.error import URLError

import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ad_autocategorize.photos.settings import PhotoSettings
from ad_autocategorize.photos.vocabularies import HEADS, BoolArray, Vocabularies

# Beside the five heads: whether the photo shows a car at all.
CAR = "car"
# Instead of minus infinity, which would make 0 times infinity of a masked class in the loss.
MASKED = -1e4
OUTPUTS = (*HEADS, CAR)


class CarNetwork(nn.Module):
    """A torchvision backbone whose last layer is replaced by one linear branch a head.

    The brand-model table is a buffer: ``pair_logits`` scores only pairs of the table.

    Parameters
    ----------
    settings : names the backbone.
    vocabularies : gives each branch its size.
    weights : a torchvision weights name such as "DEFAULT", downloaded by torchvision; random weights for ``None``.
    """

    compatible: Tensor
    years: Tensor

    def __init__(self, settings: PhotoSettings, vocabularies: Vocabularies, *, weights: str | None = None) -> None:
        super().__init__()
        self.backbone, width = _backbone(settings.architecture, weights)
        self.dropout = nn.Dropout(settings.dropout)
        sizes = {**vocabularies.sizes, CAR: 1}
        if settings.year == "regression":
            sizes["year"] = 1
        self.heads = nn.ModuleDict({head: nn.Linear(width, max(1, size)) for head, size in sizes.items()})
        self.year_kind = settings.year
        self.mirror = settings.mirror
        self.register_buffer("compatible", torch.zeros(0, dtype=torch.bool), persistent=False)
        self.register_buffer("years", torch.tensor(vocabularies.year, dtype=torch.float32), persistent=False)
        self.set_compatibility(vocabularies.compatibility())

    def set_compatibility(self, mask: BoolArray) -> None:
        """Replace the brand-model table, bool[brands, models]; no weight changes."""
        self.compatible = torch.from_numpy(mask).to(self.years.device)

    def forward(self, photos: Tensor) -> dict[str, Tensor]:
        """Return the logits of each head for photos float32[n, 3, height, width].

        With ``year="regression"`` the years' logits fall off with the distance from the estimate, which is
        "year_value" then.
        """
        features = self.dropout(self.backbone(photos))
        outputs = {head: branch(features) for head, branch in self.heads.items()}
        if self.year_kind == "regression":
            # The branch speaks of decades from the middle of the vocabulary, which keeps its scale near 1.
            value = self.years.mean() + 10 * outputs["year"]
            outputs["year_value"] = value.squeeze(1)
            outputs["year"] = -(value - self.years).abs()
        return outputs

    def answer(self, photos: Tensor) -> dict[str, Tensor]:
        """Return the logits that are validated and served; with ``mirror``, the means over each photo and its mirror image."""
        outputs: dict[str, Tensor] = self(photos)
        if not self.mirror:
            return outputs
        mirrored = self(photos.flip(3))
        return {name: (value + mirrored[name]) / 2 for name, value in outputs.items()}

    def pair_logits(self, outputs: Mapping[str, Tensor]) -> Tensor:
        """Return scores float32[n, models] to which both branches contribute; pairs outside the table are masked."""
        brand = outputs["brand"].log_softmax(1)
        table = self.compatible
        scores = outputs["model"] + brand[:, table.int().argmax(0)]
        return scores.masked_fill(~table.any(0), MASKED)

    def conditional_logits(self, outputs: Mapping[str, Tensor], brands: Tensor) -> Tensor:
        """Return the model branch's logits float32[n, models] with all but the models of the given brands masked."""
        return outputs["model"].masked_fill(~self.compatible[brands], MASKED)


def _backbone(architecture: str, weights: str | None) -> tuple[nn.Module, int]:
    """Return a torchvision model without its last layer, and the number of features it gives.

    Raises ``ValueError`` where there is no such model or weights, or no last layer to take away.
    """
    builder = torchvision.models.get_model_builder(architecture)
    # The residual branches start as the identity, which makes training from scratch steadier (arXiv:1706.02677, 5.1).
    options = {"zero_init_residual": True} if architecture.startswith(("resnet", "resnext", "wide_resnet")) else {}
    try:
        model = cast(nn.Module, builder(weights=weights, **options))
    except KeyError as error:
        raise ValueError(
            f"{weights} is neither a file nor the name of weights of {architecture}, such as DEFAULT."
        ) from error
    except URLError as error:
        raise ValueError(f"{weights} could not be downloaded ({error.reason}); name a local file.") from error
    linear = [(name, child) for name, child in model.named_modules() if isinstance(child, nn.Linear)]
    if not linear:
        raise ValueError(f"{architecture} does not end in a linear layer, which the branches would replace.")
    name, last = linear[-1]
    owner = model.get_submodule(name.rpartition(".")[0])
    setattr(owner, name.rpartition(".")[2], nn.Identity())
    return model, last.in_features


def load_backbone(network: CarNetwork, path: Path) -> None:
    """Load the weights of a torchvision model from a local file, safetensors or a state dictionary of torch's own format.

    The last layer, which a ``CarNetwork`` has not, is left out. Raises ``OSError``, and ``ValueError`` where there are no
    weights in it, or those of another architecture.
    """
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (SafetensorError, UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(f"{path} holds no weights that can be read; nothing else in it is ever run.") from error
    if not isinstance(state, Mapping):
        raise ValueError(f"{path} holds no state dictionary.")
    wanted = network.backbone.state_dict()
    fitting = {name: value for name, value in state.items() if name in wanted}
    missing = set(wanted) - set(fitting)
    wrong = [name for name, value in fitting.items() if value.shape != wanted[name].shape]
    if missing or wrong:
        raise ValueError(f"{path} holds weights of another architecture: {', '.join(sorted(missing or wrong)[:3])}.")
    network.backbone.load_state_dict(fitting)


def extend_weights(network: CarNetwork, before: Mapping[str, Tensor]) -> int:
    """Load an earlier network's weights; branches that have grown keep theirs for the values known before.

    Relies on ``Vocabularies.of(before=...)`` having kept the order. Returns the number of new values. Raises
    ``ValueError`` where the backbones differ.
    """
    state = network.state_dict()
    added = 0
    for name, tensor in before.items():
        if name not in state:
            raise ValueError(f"The earlier network has {name}, this one has not: the architectures differ.")
        if tensor.shape == state[name].shape:
            state[name] = tensor
        elif name.startswith("heads.") and tensor.shape[1:] == state[name].shape[1:] and len(tensor) < len(state[name]):
            grown = state[name].clone()
            grown[: len(tensor)] = tensor
            state[name] = grown
            added += len(grown) - len(tensor) if name.endswith(".bias") else 0
        else:
            raise ValueError(f"{name} had the shape {tuple(tensor.shape)}, now {tuple(state[name].shape)}.")
    network.load_state_dict(state)
    return added
