"""Fine-tuning of backbone and branches together, with averaged weights, a cosine schedule and checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timm.layers import convert_sync_batchnorm
from timm.optim import param_groups_weight_decay
from timm.scheduler import CosineLRScheduler
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ad_autocategorize.photos.pairs import pair_scores
from ad_autocategorize.photos.settings import NO_WEIGHTS, PhotoSettings
from ad_autocategorize.photos.training.augmentation import MIXED, mix, vary
from ad_autocategorize.photos.training.backbones import first_stages
from ad_autocategorize.photos.training.checkpoints import CHECKPOINT_NAME, load_checkpoint, save_checkpoint
from ad_autocategorize.photos.training.dataset import PhotoSet
from ad_autocategorize.photos.training.distributed import rank_and_size
from ad_autocategorize.photos.training.losses import CarLoss
from ad_autocategorize.photos.training.network import OUTPUTS, CarNetwork
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, BoolArray

EVALUATION_BATCH = 128
# The learning rate of the branches, which start from random weights, is so many times that of a pretrained backbone.
BRANCHES_FACTOR = 10.0
WEIGHT_DECAY = 0.02
WARM_UP = 0.05
# The weights that are kept are an exponential moving average over about this share of all steps, and at most so many steps. Over
# more, a short training's would still have much of the first steps in them.
AVERAGED_SHARE, AVERAGED_STEPS = 0.05, 100
# The size of training photos, as a share of the serving size, in the first epoch and in the last. In a crop a car is larger
# than in the whole photo; in a smaller crop it has the size that it has in serving (Touvron et al., "Fixing the train-test
# resolution discrepancy", arXiv:1906.06423). Still smaller photos, which take less time, will do for the first epochs
# (arXiv:2104.00298).
TRAINED_SIZES = (0.7, 0.9)
# Photos are blended in this share of the epochs, the first ones.
MIXING_SHARE = 0.8
# Height and width of training photos are multiples of this.
_MULTIPLE = 8


@dataclass(frozen=True, slots=True)
class Epoch:
    """The state of a training after an epoch.

    Attributes
    ----------
    progress : the share of epochs that are done.
    loss : the mean over the epoch's steps.
    accuracies : by head, on the validation photos; ``score`` is the accuracy over all their labels.
    seconds : how long training has taken so far.
    """

    number: int
    progress: float
    loss: float
    accuracies: dict[str, float]
    score: float
    seconds: float

    @property
    def remaining_seconds(self) -> float:
        """How many more seconds training should take."""
        return self.seconds * (1 - self.progress) / max(self.progress, 1e-9)


Report = Callable[[Epoch], None]


@dataclass
class Trainer:
    """Trains a ``CarNetwork`` in place.

    Attributes
    ----------
    network, settings : what to train, and how.
    train, validation : photos of the serving size.
    folder : where the checkpoint is kept; none is written without it.
    device : "cpu", "cuda", "cuda:1" or "mps".
    loss : what is minimised.
    """

    network: CarNetwork
    settings: PhotoSettings
    train: PhotoSet
    validation: PhotoSet
    folder: Path | None = None
    device: str = "cpu"
    loss: CarLoss = field(default_factory=CarLoss)
    _seconds: float = field(default=0.0, init=False)
    _best: dict[str, Any] = field(default_factory=lambda: {"score": -1.0, "epoch": -1}, init=False)

    def __post_init__(self) -> None:
        self.rank, processes = rank_and_size()
        if self.settings.batch_size % processes:
            raise ValueError(
                f"Batches of {self.settings.batch_size} photos cannot be shared by {processes} processes evenly."
            )
        self.own_size = self.settings.batch_size // processes
        self.network.to(self.device).to(memory_format=torch.channels_last)
        if processes > 1 and self.device.startswith("cuda"):
            # So that batch statistics are of the whole batch. On the CPU each process has those of its own part: PyTorch
            # shares them between GPUs only.
            self.network.backbone = convert_sync_batchnorm(self.network.backbone)  # type: ignore[no-untyped-call]
        # The first stages of a pretrained backbone are not trained: what they see, such as edges, they have learned from far
        # more photos than a site has.
        self.kept = [] if self.settings.weights == NO_WEIGHTS else first_stages(self.network.backbone)
        for layer in self.kept:
            layer.requires_grad_(False)
        self.trained: nn.Module = DistributedDataParallel(self.network) if processes > 1 else self.network
        # Whole batches only: a last batch of one photo would have no variance to normalise by.
        self.steps = max(1, len(self.train) // self.settings.batch_size)
        self.optimizer = torch.optim.AdamW(_parameter_groups(self.network, self.settings))
        total = self.steps * self.settings.epochs
        warm_up = max(1, int(WARM_UP * total))
        self.schedule = CosineLRScheduler(
            self.optimizer, max(total, warm_up + 1), warmup_t=warm_up, warmup_lr_init=1e-6, t_in_epochs=False
        )
        decay = 1 - 1 / max(1.0, min(AVERAGED_STEPS, AVERAGED_SHARE * total))
        averaging = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.network, multi_avg_fn=averaging, use_buffers=True)
        self.best = AveragedModel(self.network, use_buffers=True)
        self._autocast = torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled="cuda" in self.device)

    def run(self, *, resume: bool = False, reports: Sequence[Report] = ()) -> list[Epoch]:
        """Train to the end of the schedule, leave the weights of the best epoch in ``network``, and return the epochs.

        The batches of an epoch depend only on the seed and the epoch's number: a training that is interrupted and resumed ends
        with the same weights as one that is not.
        """
        start = self._resume() if resume else 0
        epochs = []
        for number in range(start, self.settings.epochs):
            epochs.append(self._epoch(number))
            self._save(number)
            for report in reports:
                report(epochs[-1])
        if self._best["epoch"] >= 0:
            self.network.load_state_dict(self.best.module.state_dict())
        self.network.eval()
        return epochs

    def _epoch(self, number: int) -> Epoch:
        begun = time.monotonic()
        progress = (number + 1) / self.settings.epochs
        height, width = self._size(number)
        order = np.random.default_rng((self.settings.seed, number)).permutation(len(self.train))
        torch.manual_seed(hash((self.settings.seed, number, self.rank)) % 2**31)
        if len(order) >= self.settings.batch_size:
            # Of every whole batch, the photos of this process.
            order = order[: self.steps * self.settings.batch_size].reshape(self.steps, -1)
            order = order[:, self.rank :: rank_and_size()[1]].reshape(-1)
        self.trained.train()
        for layer in self.kept:
            layer.eval()
        losses = []
        for step, (photos, labels, weights) in enumerate(self.train.batches(self.own_size, order, self.device)):
            self.schedule.step_update(number * self.steps + step)
            mixing = self.settings.augmentation == "strong" and progress < MIXING_SHARE
            varied = vary(photos, height, width, self.settings.augmentation)
            losses.append(self._step(varied, labels, weights, mixing and float(torch.rand(())) < MIXED))
        # The averaged weights are validated, since they are what is kept.
        shown: CarNetwork = self.average.module  # type: ignore[assignment]
        accuracies, value = accuracy_by_head(shown, self.validation, self.device)
        self._seconds += time.monotonic() - begun
        if value > self._best["score"] or not self.validation:
            self._best = {"score": value, "epoch": number}
            self.best.module.load_state_dict(self.average.module.state_dict())
        return Epoch(number, progress, float(torch.stack(losses).mean()), accuracies, value, self._seconds)

    def _step(self, photos: Tensor, labels: Tensor, weights: Tensor, mixed: bool) -> Tensor:
        """Take one step of the optimiser, with blended photos if ``mixed``; return the loss."""
        share = 1.0
        if mixed:
            photos, share = mix(photos)
        with self._autocast:
            outputs = self.trained(photos.contiguous(memory_format=torch.channels_last))
        outputs = {name: value.float() for name, value in outputs.items()}
        loss = self.loss(outputs, labels, weights)
        if mixed:
            loss = share * loss + (1 - share) * self.loss(outputs, labels.roll(1, 0), weights.roll(1))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.average.update_parameters(self.network)
        return loss.detach()

    def _size(self, number: int) -> tuple[int, int]:
        """Return the height and width of training photos in an epoch."""
        full = self.settings.height, self.settings.width
        if not self.network.any_size:
            return full
        part = np.interp(number + 1, (1, self.settings.epochs), TRAINED_SIZES)
        height, width = (max(_MULTIPLE, round(side * part / _MULTIPLE) * _MULTIPLE) for side in full)
        return height, width

    def _parts(self) -> dict[str, nn.Module]:
        return {"network": self.network, "average": self.average, "best": self.best}

    def _save(self, number: int) -> None:
        if self.folder is not None and self.rank == 0:
            progress = {"epoch": number, "seconds": self._seconds, "best": self._best}
            save_checkpoint(self.folder / CHECKPOINT_NAME, self._parts(), self.optimizer, progress)

    def _resume(self) -> int:
        """Load the checkpoint, if there is one, and return the number of the next epoch."""
        if self.folder is None or not (self.folder / CHECKPOINT_NAME).exists():
            return 0
        progress = load_checkpoint(self.folder / CHECKPOINT_NAME, self._parts(), self.optimizer)
        self._seconds, self._best = progress["seconds"], progress["best"]
        return int(progress["epoch"]) + 1


def _parameter_groups(network: CarNetwork, settings: PhotoSettings) -> list[dict[str, Any]]:
    """Return the parameters of backbone and branches, each with its learning rate; biases and normalisation do not decay."""
    rate = settings.learning_rate
    fast = rate if settings.weights == NO_WEIGHTS else rate * BRANCHES_FACTOR
    groups = []
    for part, speed in ((network.backbone, rate), (network.heads, fast)):
        groups += [{**group, "lr": speed} for group in param_groups_weight_decay(part, WEIGHT_DECAY)]
    return groups


@torch.inference_mode()
def predict_logits(network: CarNetwork, photos: PhotoSet, device: str = "cpu") -> dict[str, np.ndarray[Any, Any]]:
    """Return the logits of every head for all photos, float32[n, classes]; the network is left in evaluation mode."""
    network.eval()
    parts: dict[str, list[np.ndarray[Any, Any]]] = {name: [] for name in OUTPUTS}
    with torch.autocast(device.split(":", maxsplit=1)[0], torch.bfloat16, enabled="cuda" in device):
        for pixels, _, _ in photos.batches(EVALUATION_BATCH, device=device):
            outputs = network.answer((pixels.float() / 255).contiguous(memory_format=torch.channels_last))
            for name in OUTPUTS:
                parts[name].append(outputs[name].float().cpu().numpy())
    return {name: np.concatenate(part) if part else np.zeros((0, 1), np.float32) for name, part in parts.items()}


def accuracy_by_head(network: CarNetwork, photos: PhotoSet, device: str = "cpu") -> tuple[dict[str, float], float]:
    """Return what ``score`` says of a network's answers to photos."""
    return score(predict_logits(network, photos, device), photos, network.compatible)


def score(
    logits: Mapping[str, np.ndarray[Any, Any]], photos: PhotoSet, table: BoolArray
) -> tuple[dict[str, float], float]:
    """Return the accuracy of each head that has labels, and the accuracy over all labels.

    Brand and model are those of the most probable pair in the ``table``; colors that a model guessed do not count.
    """
    if not len(photos):
        return {}, 0.0
    answers = {head: logits[head].argmax(1) for head in HEADS}
    labels = photos.seen_labels
    if table.any():
        answers["model"] = pair_scores(logits["brand"], logits["model"], table).argmax(1)
        answers["brand"] = table.argmax(0)[answers["model"]]
    right = {
        head: (answers[head] == labels[:, column])[labels[:, column] != MISSING] for column, head in enumerate(HEADS)
    }
    together = np.concatenate(list(right.values()))
    return {head: float(part.mean()) for head, part in right.items() if len(part)}, float(together.mean())
