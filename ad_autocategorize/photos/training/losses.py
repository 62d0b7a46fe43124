"""The loss: a weighted sum of the heads' cross-entropies over the labels that are there."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from ad_autocategorize.photos.answers import CAR
from ad_autocategorize.photos.vocabularies import HEADS, MISSING

# The model weighs more: it has the most values, with the fewest photos of each.
HEAD_WEIGHTS = {"brand": 1.0, "model": 2.0, "body_type": 1.0, "color": 1.0, "year": 1.0, CAR: 1.0}
SMOOTHING = 0.1


class CarLoss:
    """The loss of the outputs of a ``CarNetwork``; the weight of a head is 1 unless ``head_weights`` has another.

    A missing label contributes nothing. Each head's sum is divided by the size of the batch and not by the number of its labels,
    so that a label weighs the same however many other photos of the batch have one.
    """

    def __init__(self, head_weights: Mapping[str, float] = HEAD_WEIGHTS, smoothing: float = SMOOTHING) -> None:
        self.head_weights = head_weights
        self.smoothing = smoothing

    def __call__(self, outputs: Mapping[str, Tensor], labels: Tensor, color_weights: Tensor) -> Tensor:
        """Return the loss, a scalar.

        Parameters
        ----------
        outputs : logits of each head, float32[n, classes].
        labels : int64[n, heads + 1], ``MISSING`` where unknown, the last column 1 for cars and 0 for others.
        color_weights : float32[n], how much each color label counts.
        """
        total = torch.zeros((), device=labels.device)
        for column, head in enumerate(HEADS):
            each = self.of_head(head, outputs, labels[:, column])
            if head == "color":
                each = each * color_weights
            total = total + self.head_weights.get(head, 1.0) * each.sum() / len(labels)
        car = labels[:, len(HEADS)]
        each = F.binary_cross_entropy_with_logits(outputs[CAR].squeeze(1), car.clamp(min=0).float(), reduction="none")
        return total + self.head_weights.get(CAR, 1.0) * (each * (car != MISSING)).sum() / len(labels)

    def of_head(self, head: str, outputs: Mapping[str, Tensor], target: Tensor) -> Tensor:
        """Return the loss of each photo in one head, float32[n], 0 where the label is missing."""
        return F.cross_entropy(
            outputs[head], target, reduction="none", ignore_index=MISSING, label_smoothing=self.smoothing
        )
