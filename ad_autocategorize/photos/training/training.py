"""Training: all heads at once, with a weight average, a cosine schedule, checkpoints and early stopping."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ad_autocategorize.photos.pairs import pair_scores
from ad_autocategorize.photos.settings import PhotoSettings
from ad_autocategorize.photos.training.augmentation import mix
from ad_autocategorize.photos.training.checkpoints import CHECKPOINT_NAME, load_checkpoint, save_checkpoint
from ad_autocategorize.photos.training.dataset import PhotoSet
from ad_autocategorize.photos.training.distributed import (
    add_gradients,
    from_first,
    rank_and_size,
    share_weights,
    synchronize_normalization,
)
from ad_autocategorize.photos.training.losses import CarLoss
from ad_autocategorize.photos.training.network import OUTPUTS, CarNetwork
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, IntArray

EVALUATION_BATCH = 128
MOMENTUM = 0.9


@dataclass(frozen=True, slots=True)
class Epoch:
    """What an epoch ended with: accuracies by head on the validation part, and the seconds that training has taken."""

    number: int
    progress: float
    loss: float
    accuracies: dict[str, float]
    seconds: float

    @property
    def score(self) -> float:
        """The mean accuracy of the heads, by which the best epoch is chosen."""
        return sum(self.accuracies.values()) / max(1, len(self.accuracies))

    @property
    def remaining_seconds(self) -> float:
        """How much longer training should take."""
        return self.seconds * (1 - self.progress) / max(self.progress, 1e-9)


Report = Callable[[Epoch], None]


@dataclass
class Trainer:
    """Trains a ``CarNetwork`` in place.

    Attributes
    ----------
    network, settings : what to train, and how.
    train, validation : photos of at least the size of the last stage; validation photos exactly of the serving size.
    folder : where the checkpoint is kept; none is written without it.
    device : "cpu", "cuda", "cuda:1" or "mps".
    freeze_backbone : whether the branches alone are trained.
    """

    network: CarNetwork
    settings: PhotoSettings
    train: PhotoSet
    validation: PhotoSet
    folder: Path | None = None
    device: str = "cpu"
    freeze_backbone: bool = False
    _seconds: float = field(default=0.0, init=False)
    _best: dict[str, Any] = field(default_factory=lambda: {"score": -1.0, "epoch": -1}, init=False)

    def __post_init__(self) -> None:
        self.network.to(self.device).to(memory_format=torch.channels_last)
        synchronize_normalization(self.network)
        share_weights(self.network)
        if self.freeze_backbone:
            self.network.backbone.requires_grad_(False)
        self.optimizer = torch.optim.SGD(
            _parameter_groups(self.network, self.settings.weight_decay),
            lr=self.settings.learning_rate,
            momentum=MOMENTUM,
            nesterov=True,
        )
        averaging = get_ema_multi_avg_fn(self.settings.ema)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.network, multi_avg_fn=averaging, use_buffers=True)
        self.best = AveragedModel(self.network, use_buffers=True)
        self.loss = CarLoss(self.settings, self.network, self.train.labels)
        self._autocast = torch.autocast(
            torch.device(self.device).type, torch.bfloat16, enabled=_has_fast_bfloat16(self.device)
        )

    def run(self, *, resume: bool = False, reports: Sequence[Report] = ()) -> list[Epoch]:
        """Train to the end of the schedule or until validation stops getting better; return the epochs run.

        Leaves the weights of the best epoch in ``network``. An epoch's batches depend on the seed and its number alone,
        so that a training resumed after an interruption ends where it would have ended without.
        """
        start = self._resume() if resume else 0
        epochs = []
        for number in range(start, 10**6 if self.settings.minutes else self.settings.epochs):
            if self._progress(number) >= 1 or self._out_of_patience(number):
                break
            epochs.append(self._epoch(number))
            self._save(number)
            for report in reports:
                report(epochs[-1])
        self._take_best()
        return epochs

    def load_best(self) -> None:
        """Put the weights of the checkpoint's best epoch into ``network``. Raises ``FileNotFoundError``."""
        if self._resume() == 0:
            raise FileNotFoundError(f"There is no checkpoint in {self.folder}.")
        self._take_best()

    def _take_best(self) -> None:
        if self._best["epoch"] >= 0:
            self.network.load_state_dict(self.best.module.state_dict())
        self.network.eval()

    def _epoch(self, number: int) -> Epoch:
        begun = time.monotonic()
        progress = self._progress(number)
        height, width = self.settings.size_at(progress)
        order = np.random.default_rng((self.settings.seed, number)).permutation(len(self.train))
        torch.manual_seed(hash((self.settings.seed, number)) % 2**31)
        generator = torch.Generator().manual_seed(self.settings.seed * 100_003 + number)
        order, size = _own_share(order, self.settings.batch_size)
        recolor = self.settings.recolor if progress < self.settings.mix_until else 0.0
        batches = self.train.training_batches(
            order, size, height, width, augment=self.settings.augment, recolor=recolor
        )
        steps = max(1, math.ceil(len(order) / size))
        self.network.train()
        if self.freeze_backbone:
            self.network.backbone.eval()
        losses = []
        for step, (photos, labels) in enumerate(batches):
            done = time.monotonic() - begun
            at = from_first(self._progress(number + step / steps, running=done), self.device)
            for group in self.optimizer.param_groups:
                group["lr"] = self.settings.learning_rate * schedule(at, self.settings.warm_up)
            losses.append(self._step(photos.to(self.device), labels.to(self.device), at, generator))
        accuracies = accuracy_by_head(self._shown(), self.validation, self.device)
        self._seconds = from_first(self._seconds + time.monotonic() - begun, self.device)
        epoch = Epoch(number, min(1.0, self._progress(number + 1)), float(np.mean(losses)), accuracies, self._seconds)
        if epoch.score > self._best["score"] or not self.validation:
            self._best = {"score": epoch.score, "epoch": number}
            self.best.module.load_state_dict(self._shown().state_dict())
        return epoch

    def _step(self, photos: Tensor, labels: Tensor, progress: float, generator: torch.Generator) -> float:
        photos = photos.contiguous(memory_format=torch.channels_last)
        mixing = self.settings.augment and progress < self.settings.mix_until
        mixed = mixing and float(torch.rand((), generator=generator)) < self.settings.mix
        partners, share = None, 1.0
        if mixed:
            photos, partners, share = mix(photos, generator)
        with self._autocast:
            outputs = self.network(photos)
        outputs = {name: value.float() for name, value in outputs.items()}
        loss = torch.stack(list(self.loss(outputs, labels).values())).sum()
        if partners is not None:
            other = torch.stack(list(self.loss(outputs, labels[partners]).values())).sum()
            loss = share * loss + (1 - share) * other
        self.optimizer.zero_grad(set_to_none=True)
        (loss / rank_and_size()[1]).backward()  # type: ignore[no-untyped-call]
        add_gradients(self.network)
        self.optimizer.step()
        self.average.update_parameters(self.network)
        return float(loss.detach())

    def _shown(self) -> CarNetwork:
        """Return the network that is validated and kept."""
        shown: CarNetwork = self.average.module if self.settings.ema else self.network  # type: ignore[assignment]
        return shown

    def _progress(self, epoch: float, running: float = 0.0) -> float:
        if self.settings.minutes:
            return min(1.0, (self._seconds + running) / (60 * self.settings.minutes))
        return min(1.0, epoch / self.settings.epochs)

    def _out_of_patience(self, number: int) -> bool:
        patience = self.settings.patience
        return bool(patience) and self._best["epoch"] >= 0 and number - self._best["epoch"] > patience

    def _parts(self) -> dict[str, nn.Module]:
        return {"network": self.network, "average": self.average, "best": self.best}

    def _save(self, number: int) -> None:
        if self.folder is not None and rank_and_size()[0] == 0:
            progress = {
                "epoch": number,
                "seconds": self._seconds,
                "best": self._best,
                "freeze_backbone": self.freeze_backbone,
            }
            save_checkpoint(self.folder / CHECKPOINT_NAME, self._parts(), self.optimizer, progress)

    def _resume(self) -> int:
        if self.folder is None or not (self.folder / CHECKPOINT_NAME).exists():
            return 0
        progress = load_checkpoint(self.folder / CHECKPOINT_NAME, self._parts(), self.optimizer)
        if progress["freeze_backbone"] != self.freeze_backbone:
            # The optimiser's state is kept by the number of each weight that is trained.
            how = "a frozen" if progress["freeze_backbone"] else "a trained"
            raise ValueError(f"The training was begun with {how} backbone; go on so, or start without resuming.")
        self._seconds, self._best = progress["seconds"], progress["best"]
        return int(progress["epoch"]) + 1


def schedule(progress: float, warm_up: float) -> float:
    """Return the learning rate's factor: a linear rise, then half a cosine down to nothing."""
    if progress < warm_up:
        return (progress + 1e-3) / (warm_up + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))


def predict_logits(network: CarNetwork, photos: PhotoSet, device: str = "cpu") -> dict[str, np.ndarray[Any, Any]]:
    """Return the logits of every head for all photos, float32[n, classes]; the network is left in evaluation mode."""
    network.eval()
    parts: dict[str, list[np.ndarray[Any, Any]]] = {name: [] for name in OUTPUTS}
    autocast = torch.autocast(torch.device(device).type, torch.bfloat16, enabled=_has_fast_bfloat16(device))
    with torch.inference_mode(), autocast:
        for pixels, _ in photos.batches(EVALUATION_BATCH):
            outputs = network.answer(pixels.to(device, memory_format=torch.channels_last))
            for name in OUTPUTS:
                parts[name].append(outputs[name].float().cpu().numpy())
    return {name: np.concatenate(part) if part else np.zeros((0, 1), np.float32) for name, part in parts.items()}


def accuracy_by_head(network: CarNetwork, photos: PhotoSet, device: str = "cpu") -> dict[str, float]:
    """Return the share of right answers of each head that has labels, brand and model as the best pair of the product."""
    if not len(photos):
        return {}
    logits = predict_logits(network, photos, device)
    answers = {head: logits[head].argmax(1) for head in HEADS}
    table = network.compatible.cpu().numpy()
    if table.any():
        answers["model"] = pair_scores(logits["brand"], logits["model"], table, "weighted").argmax(1)
        answers["brand"] = table.argmax(0)[answers["model"]]
    return dict(_accuracies(answers, photos))


def _accuracies(answers: dict[str, Any], photos: PhotoSet) -> Iterator[tuple[str, float]]:
    for column, head in enumerate(HEADS):
        known = photos.labels[:, column] != MISSING
        if known.any():
            yield head, float((answers[head][known] == photos.labels[known, column]).mean())


def _own_share(order: IntArray, size: int) -> tuple[IntArray, int]:
    """Return this process's part of every batch, and how many photos of a batch that is.

    Raises ``ValueError`` where batches cannot be shared out evenly.
    """
    rank, processes = rank_and_size()
    if processes == 1:
        return order, size
    if size % processes:
        raise ValueError(f"Batches of {size} photos cannot be shared by {processes} processes evenly.")
    whole = order[: len(order) - len(order) % size].reshape(-1, size)
    return whole[:, rank::processes].reshape(-1), size // processes


def _parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return matrices with weight decay, biases and normalisation without."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return [
        {"params": [item for item in trained if item.ndim > 1], "weight_decay": weight_decay},
        {"params": [item for item in trained if item.ndim <= 1], "weight_decay": 0.0},
    ]


def _has_fast_bfloat16(device: str) -> bool:
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported())
    return device == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())
