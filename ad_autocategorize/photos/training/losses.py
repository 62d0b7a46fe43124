"""The loss: a weighted sum of the heads' cross-entropies over the labels that are there."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ad_autocategorize.photos.settings import PhotoSettings
from ad_autocategorize.photos.training.network import CAR, MASKED, CarNetwork
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, IntArray

# How fast the mass that a year shares with others falls off, in years.
NEIGHBOURHOOD = 1.0


class CarLoss:
    """Scores the outputs of a ``CarNetwork`` against labels int64[n, heads + 1], the last column 1 for cars, 0 for others.

    A missing label contributes nothing to its head. Each head's sum is divided by the size of the batch, not by the number
    of its labels, so that a label weighs the same whether its neighbours have one or not.
    """

    def __init__(self, settings: PhotoSettings, network: CarNetwork, train_labels: IntArray) -> None:
        self.settings = settings
        self.network = network
        self.weights = {head: float(settings.head_weights.get(head, 1.0)) for head in (*HEADS, CAR)}
        self.class_weights = {
            head: _class_weights(
                train_labels[:, column], len(network.get_parameter(f"heads.{head}.bias")), settings.class_weights
            )
            for column, head in enumerate(HEADS)
            if settings.class_weights and not (head == "year" and settings.year == "regression")
        }

    def __call__(self, outputs: Mapping[str, Tensor], labels: Tensor) -> dict[str, Tensor]:
        """Return the weighted loss of each head, scalars; their sum is what training minimises."""
        losses = {}
        for column, head in enumerate(HEADS):
            target = labels[:, column]
            known = target != MISSING
            each = self._head(head, outputs, labels, target.clamp(min=0))
            losses[head] = self.weights[head] * (each * known).sum() / len(labels)
        car = labels[:, len(HEADS)]
        each = F.binary_cross_entropy_with_logits(outputs[CAR].squeeze(1), car.clamp(min=0).float(), reduction="none")
        losses[CAR] = self.weights[CAR] * (each * (car != MISSING)).sum() / len(labels)
        return losses

    def _head(self, head: str, outputs: Mapping[str, Tensor], labels: Tensor, target: Tensor) -> Tensor:
        if head == "year" and self.settings.year == "regression":
            # In decades, as the branch is; smooth L1 counts a wrong decade linearly.
            error = (outputs["year_value"] - self.network.years[target]) / 10
            return F.smooth_l1_loss(error, torch.zeros_like(error), reduction="none", beta=0.1)
        logits = outputs[head]
        if head == "model" and self.settings.pair_loss == "pair":
            logits = self.network.pair_logits(outputs)
        elif head == "model" and self.settings.pair_loss == "label":
            logits = self.network.conditional_logits(outputs, labels[:, 0].clamp(min=0))
        shares = self._shares(head, logits, target)
        each = -(shares * logits.log_softmax(1)).sum(1)
        weights = self.class_weights.get(head)
        return each if weights is None else each * weights.to(each.device)[target]

    def _shares(self, head: str, logits: Tensor, target: Tensor) -> Tensor:
        """Return the mass that each class should have, float32[n, classes]; masked classes get none."""
        smoothing = self.settings.label_smoothing
        if head == "year" and self.settings.year == "neighbours":
            distance = (self.network.years[target].unsqueeze(1) - self.network.years).abs()
            return (-distance / NEIGHBOURHOOD).softmax(1)
        possible = (logits.detach() > MASKED / 2).float()
        possible.scatter_(1, target.unsqueeze(1), 1.0)
        shares = smoothing * possible / possible.sum(1, keepdim=True)
        return shares.scatter_add(1, target.unsqueeze(1), torch.full_like(shares[:, :1], 1 - smoothing))


def _class_weights(labels: IntArray, size: int, power: float) -> Tensor:
    """Return inverse frequencies to a power, float32[classes], whose mean over the labels is 1."""
    known = labels[labels != MISSING]
    counts = np.bincount(known, minlength=size).astype(np.float64)
    weights = np.maximum(counts, 1.0) ** -power
    mean = weights[known].mean() if len(known) else 1.0
    return torch.tensor(weights / mean, dtype=torch.float32)
