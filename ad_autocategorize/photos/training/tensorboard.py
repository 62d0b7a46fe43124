"""Training curves for TensorBoard, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ad_autocategorize.photos.training.training import Epoch


def epoch_logger(folder: Path) -> Callable[[Epoch], None]:
    """Return what writes an epoch's loss and accuracies below ``folder``; it does nothing without TensorBoard."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return lambda epoch: None
    writer = SummaryWriter(str(folder))

    def log(epoch: Epoch) -> None:
        writer.add_scalar("loss", epoch.loss, epoch.number)
        for head, accuracy in epoch.accuracies.items():
            writer.add_scalar(f"accuracy/{head}", accuracy, epoch.number)
        writer.flush()

    return log
