"""The settings of the photo network and of its training. Without torch, since web processes read them too."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Augmentation = Literal["none", "mild", "strong"]
AUGMENTATIONS = ("none", "mild", "strong")
PRETRAINED, NO_WEIGHTS = "pretrained", "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoSettings:
    """Settings of the network and of its training.

    Attributes
    ----------
    backbone : a model of timm with a pooled output, such as "tf_efficientnet_lite0" or "resnet50".
    weights : what training starts from: "pretrained", the path of a file, or "none" for random weights.
    freeze_backbone : whether only the branches are trained, which takes seconds; with ``None`` only if there are few photos.
    height, width : size in pixels of the network's input when it serves.
    epochs : passes over the photos; the cosine schedule ends with the last.
    batch_size : photos in one step of the optimiser, over all processes together.
    learning_rate : of the backbone. The branches, which start from random weights, have ten times this rate, unless the backbone
        starts from random weights too.
    augmentation : how much training photos are varied.
    mirror : whether an answer is the mean over the photo and its mirror image, which takes twice the time.
    seed : of the order of photos, their variations, and random weights.
    """

    backbone: str = "tf_efficientnet_lite0"
    weights: str = PRETRAINED
    freeze_backbone: bool | None = None
    height: int = 160
    width: int = 224
    epochs: int = 50
    batch_size: int = 32
    learning_rate: float = 2e-3
    augmentation: Augmentation = "strong"
    mirror: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for settings that cannot be meant."""
        if self.augmentation not in AUGMENTATIONS:
            raise ValueError(f"augmentation must be one of {', '.join(AUGMENTATIONS)}, not {self.augmentation!r}.")
        if self.freeze_backbone not in (None, True, False):
            raise ValueError(f"freeze_backbone must be true, false or null, not {self.freeze_backbone!r}.")
        for name in ("height", "width", "epochs", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of 1 or more, not {value!r}.")
        if not 0 < self.learning_rate < 1:
            raise ValueError(f"learning_rate must be between 0 and 1, not {self.learning_rate!r}.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PhotoSettings:
        """Make settings from a host's overrides or a manifest. Raises ``ValueError`` on unknown names."""
        known = {item.name for item in dataclasses.fields(cls)}
        if unknown := set(values) - known:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}.")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings in JSON's types."""
        return dataclasses.asdict(self)
