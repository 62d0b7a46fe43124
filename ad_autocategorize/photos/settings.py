"""How the photo network is built and trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ad_autocategorize.photos.relations import RELATIONS
from ad_autocategorize.photos.vocabularies import HEADS

YearKind = Literal["classes", "neighbours", "regression"]
PairLoss = Literal["plain", "label", "pair"]

_CHOICES = {"year": ("classes", "neighbours", "regression"), "pair_loss": ("plain", "label", "pair")}


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoSettings:
    """Settings of the network and of its training.

    Attributes
    ----------
    architecture : a torchvision classification model whose last layer is one linear layer, such as "resnet18" or "resnet50".
    height, width : size in pixels that photos are stretched to, in serving and in the last stage of training.
    stages : progressive resizing, as (share of the training after which it begins, height, width); empty for one size.
    epochs : passes over the photos; the cosine schedule ends with the last.
    minutes : ends the training after this time instead, the schedule following the clock; 0 for no limit.
    patience : epochs without a better validation result before training stops early; 0 for never.
    warm_up : share of the training in which the learning rate rises.
    ema : decay of the weight average per step that is validated and exported; 0 for none.
    mix : chance that a batch is mixed (half cutmix, half mixup).
    recolor : chance that a photo whose color nobody labelled is shown in other colors. Helps brand and model where there are few
        photos of each; the color head forgets what colors are where few photos have a label.
    mix_until : the share of the training with mixing and recoloring.
    pair_loss : what the model head's cross-entropy is taken over: all models ("plain"), those of the labelled brand
        ("label"), or the compatible pairs, scored by both branches together ("pair").
    year : classes, classes whose neighbours share mass, or a number.
    mirror : whether a photo's answer is the mean of those to it and to its mirror image, which takes twice the time.
    head_weights : weight of each head's loss, 1 where not named.
    relations : weights of soft relations between heads ("model-body_type", "model-year", "brand-year"), 0 where not named.
    class_weights : power of the inverse class frequency that rare values are weighted by; 0 for none, 0.5 is moderate.
    """

    architecture: str = "resnet18"
    height: int = 224
    width: int = 224
    stages: tuple[tuple[float, int, int], ...] = ()
    epochs: int = 60
    minutes: float = 0.0
    patience: int = 20
    batch_size: int = 32
    learning_rate: float = 0.05
    weight_decay: float = 7e-4
    warm_up: float = 0.05
    ema: float = 0.998
    dropout: float = 0.1
    label_smoothing: float = 0.1
    augment: bool = True
    mix: float = 0.5
    recolor: float = 0.0
    mix_until: float = 0.85
    pair_loss: PairLoss = "pair"
    year: YearKind = "classes"
    head_weights: dict[str, float] = field(default_factory=dict)
    relations: dict[str, float] = field(default_factory=dict)
    class_weights: float = 0.0
    mirror: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for settings that cannot be meant."""
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}.")
        for name in ("height", "width", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)!r}.")
        if unknown := set(self.head_weights) - {*HEADS, "car"}:
            raise ValueError(f"head_weights names no such head: {', '.join(sorted(unknown))}.")
        if unknown := set(self.relations) - set(RELATIONS):
            known = ", ".join(RELATIONS)
            raise ValueError(f"relations names no such relation: {', '.join(sorted(unknown))}; known: {known}.")
        if any(weight < 0 for weight in self.relations.values()):
            raise ValueError("relations takes weights of 0 or more.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PhotoSettings:
        """Make settings from a host's overrides or a manifest. Raises ``ValueError`` on unknown names."""
        known = {item.name for item in dataclasses.fields(cls)}
        if unknown := set(values) - known:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}.")
        fixed = dict(values)
        if "stages" in fixed:
            fixed["stages"] = tuple((float(start), int(height), int(width)) for start, height, width in fixed["stages"])
        return cls(**fixed)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings in JSON's types."""
        return dataclasses.asdict(self)

    def size_at(self, progress: float) -> tuple[int, int]:
        """Return the height and width at a share of the training between 0 and 1."""
        begun = [(height, width) for start, height, width in self.stages if progress >= start]
        return begun[-1] if begun else (self.height, self.width)
