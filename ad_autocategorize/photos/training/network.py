"""One backbone with a branch for each field of the car form, and one that tells cars from other things."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ad_autocategorize.photos.answers import CAR
from ad_autocategorize.photos.training.backbones import make_backbone
from ad_autocategorize.photos.vocabularies import HEADS, Vocabularies

# The last one, beside the five heads, says whether the photo shows a car at all.
OUTPUTS = (*HEADS, CAR)
DROPOUT = 0.1


class CarNetwork(nn.Module):
    """A backbone of timm whose last layer is replaced by a linear branch for each head.

    It takes values between 0 and 1, and normalises them itself by the mean and standard deviation that the backbone expects.

    Parameters
    ----------
    backbone : name of a model of timm.
    vocabularies : gives each branch its size.
    height, width : of the photos that it will serve, for backbones that are built for one size.

    Raises ``ValueError`` if timm has no such model, or it has no pooled output.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: str, vocabularies: Vocabularies, height: int, width: int) -> None:
        super().__init__()
        made = make_backbone(backbone, height, width)
        self.backbone = made.module
        self.width = made.width
        self.any_size = made.any_size
        self.dropout = nn.Dropout(DROPOUT)
        sizes = {**vocabularies.sizes, CAR: 1}
        self.heads = nn.ModuleDict({head: nn.Linear(made.width, max(1, size)) for head, size in sizes.items()})
        # Not saved with the weights, since the backbone's name implies them.
        self.register_buffer("mean", torch.tensor(made.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(made.std).view(3, 1, 1), persistent=False)
        self.mirror = False
        # The brand-model pairs that were learned, bool[brands, models].
        self.compatible = vocabularies.compatibility()

    def features(self, photos: Tensor) -> Tensor:
        """Return the embeddings float32[n, width] of photos float32[n, 3, height, width] of values from 0 to 1."""
        embedded: Tensor = self.backbone((photos - self.mean) / self.std)
        return embedded

    def branches(self, embedded: Tensor) -> dict[str, Tensor]:
        """Return the logits of each head for embeddings."""
        kept = self.dropout(embedded)
        return {head: branch(kept) for head, branch in self.heads.items()}

    def forward(self, photos: Tensor) -> dict[str, Tensor]:
        """Return the logits of each head for photos float32[n, 3, height, width]."""
        return self.branches(self.features(photos))

    def answer(self, photos: Tensor) -> dict[str, Tensor]:
        """Return the logits that are validated and served; with ``mirror``, the means over each photo and its mirror image."""
        outputs = self.forward(photos)
        if not self.mirror:
            return outputs
        mirrored = self.forward(photos.flip(3))
        return {name: (value + mirrored[name]) / 2 for name, value in outputs.items()}


def extend_weights(network: CarNetwork, before: Mapping[str, Tensor]) -> int:
    """Load the weights of an earlier network, also into branches that have more values than before.

    The known values must come first, in the same order, as ``Vocabularies.of(before=...)`` has them; new ones keep their random
    weights. Returns the number of new values. Raises ``ValueError`` if the backbones differ.
    """
    state = network.state_dict()
    added = 0
    for name, tensor in before.items():
        if name not in state:
            raise ValueError(f"The earlier network has {name}, this one has not: the backbones differ.")
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
