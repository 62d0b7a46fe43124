"""Training of the branches alone, on the embeddings of a frozen backbone, through which each photo goes only once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ad_autocategorize.photos.training.backbones import digest
from ad_autocategorize.photos.training.dataset import PhotoSet
from ad_autocategorize.photos.training.losses import CarLoss
from ad_autocategorize.photos.training.network import CarNetwork
from ad_autocategorize.photos.training.training import EVALUATION_BATCH, Epoch, Report, score

# With fewer photos the backbone is frozen by default: fine-tuned, it would forget more than it learns. Judged, not measured.
FEW_PHOTOS = 300
CACHE_PREFIX = "embeddings-"
EPOCHS = 60
BATCH = 256
FOLDS = 5
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.02
# The branches are validated after every tenth epoch, and after the last.
_VALIDATED_EVERY = 10


@dataclass
class BranchTrainer:
    """Trains the branches of a ``CarNetwork`` in place; its backbone stays as it is.

    Attributes
    ----------
    train, validation : photos of the serving size.
    folder : where embeddings are kept for the next training, found by the digests of backbone and photo; ``None`` for nowhere.
    """

    network: CarNetwork
    train: PhotoSet
    validation: PhotoSet
    folder: Path | None = None
    device: str = "cpu"
    seed: int = 0
    loss: CarLoss = field(default_factory=CarLoss)

    def run(self, reports: Sequence[Report] = ()) -> list[Epoch]:
        """Train, and leave in ``network`` the branches of the best epoch of those that were validated; return these epochs."""
        begun = time.monotonic()
        self.network.to(self.device).eval()
        vectors, of_validation = embed(self.network, (self.train, self.validation), self.folder, self.device)
        best, kept, epochs = -1.0, self.network.heads.state_dict(), []
        for number, loss in self._fit(vectors, self.train):
            if (number + 1) % _VALIDATED_EVERY and number + 1 < EPOCHS:
                continue
            accuracies, value = score(self._answers(of_validation), self.validation, self.network.compatible)
            epochs.append(Epoch(number, (number + 1) / EPOCHS, loss, accuracies, value, time.monotonic() - begun))
            if value > best or not len(self.validation):
                best = value
                kept = {name: value.clone() for name, value in self.network.heads.state_dict().items()}
            for report in reports:
                report(epochs[-1])
        self.network.heads.load_state_dict(kept)
        return epochs

    def out_of_fold(self) -> dict[str, NDArray[np.float32]]:
        """Return the logits of the training photos, out of fold: each is answered by branches that were trained without its ad.

        Thresholds can be chosen by these if a site has too few photos for a validation set. ``network`` is left as it was.
        """
        self.network.to(self.device).eval()
        (vectors,) = embed(self.network, (self.train,), self.folder, self.device)
        ads = np.unique(self.train.groups, return_inverse=True)[1]
        fold = np.random.default_rng(self.seed).permutation(ads.max() + 1)[ads] % FOLDS
        kept = {name: value.clone() for name, value in self.network.heads.state_dict().items()}
        parts: dict[str, list[NDArray[np.float32]]] = {head: [] for head in self.network.heads}
        for number in range(FOLDS):
            for branch in self.network.heads.values():
                branch.reset_parameters()  # type: ignore[operator]
            for _ in self._fit(vectors[torch.from_numpy(fold != number)], self.train.subset(fold != number)):
                pass
            for head, values in self._answers(vectors[torch.from_numpy(fold == number)]).items():
                parts[head].append(values)
        self.network.heads.load_state_dict(kept)
        order = np.argsort(np.concatenate([np.flatnonzero(fold == number) for number in range(FOLDS)]))
        return {head: np.concatenate(part)[order] for head, part in parts.items()}

    def _fit(self, vectors: Tensor, photos: PhotoSet) -> Iterator[tuple[int, float]]:
        """Train the branches on embeddings, float[n, 2, width]; yield the number and loss of each epoch."""
        labels = torch.from_numpy(photos.labels).to(self.device)
        weights = torch.from_numpy(photos.color_weights).to(self.device)
        torch.manual_seed(self.seed)
        optimizer = torch.optim.AdamW(self.network.heads.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
        for number in range(EPOCHS):
            self.network.dropout.train()
            losses = []
            for chosen in torch.split(torch.randperm(len(labels), device=labels.device), BATCH):
                # Either the photo or its mirror image, by chance.
                side = torch.randint(2, (len(chosen),), device=labels.device)
                outputs = self.network.branches(vectors[chosen, side].float())
                loss = self.loss(outputs, labels[chosen], weights[chosen])
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                losses.append(loss.detach())
            self.network.dropout.eval()
            schedule.step()
            yield number, float(torch.stack(losses).mean())

    @torch.inference_mode()
    def _answers(self, vectors: Tensor) -> dict[str, NDArray[np.float32]]:
        """Return the logits of photos, not of their mirror images."""
        outputs = self.network.branches(vectors[:, 0].float())
        return {head: values.cpu().numpy() for head, values in outputs.items()}


def embed(network: CarNetwork, sets: Sequence[PhotoSet], folder: Path | None, device: str = "cpu") -> list[Tensor]:
    """Return, for each set, the embeddings of every photo and of its mirror image, float16[n, 2, width].

    Those that ``folder`` holds are read from there; then it holds all that are returned, and no others.
    """
    keys = [[_digest(photos, place) for place in range(len(photos))] for photos in sets]
    cache = None
    known: dict[bytes, NDArray[np.float16]] = {}
    if folder is not None:
        height, width = sets[0].pixels.shape[1:3]
        name = f"{CACHE_PREFIX}{digest(network.backbone.state_dict())[:16]}-{height}x{width}.npz"
        cache, known = folder / name, _read_cache(folder / name, network.width)
    made = 0
    for photos, own in zip(sets, keys, strict=True):
        missing = np.array([place for place, key in enumerate(own) if key not in known], dtype=np.int64)
        made += len(missing)
        numbers = iter(missing)
        for pixels, _, _ in photos.batches(EVALUATION_BATCH, missing, device):
            for vectors in _both_sides(network, pixels):
                known[own[next(numbers)]] = vectors
    if cache is not None and made:
        _write_cache(cache, {key: known[key] for own in keys for key in own})
    empty = np.zeros((0, 2, network.width), np.float16)
    return [torch.from_numpy(np.stack([known[key] for key in own]) if own else empty).to(device) for own in keys]


def _digest(photos: PhotoSet, place: int) -> bytes:
    """Return a digest of a photo's pixels."""
    return hashlib.sha256(photos.read(slice(place, place + 1)).tobytes()).digest()[:16]


@torch.inference_mode()
def _both_sides(network: CarNetwork, pixels: Tensor) -> NDArray[np.float16]:
    values = (pixels.float() / 255).contiguous(memory_format=torch.channels_last)
    both = torch.stack([network.features(values), network.features(values.flip(3))], dim=1)
    return both.half().cpu().numpy()


def _read_cache(path: Path, width: int) -> dict[bytes, NDArray[np.float16]]:
    """Return what an earlier training kept, by digest; nothing if the file is damaged, since all can be made again."""
    try:
        with np.load(path, allow_pickle=False) as file:
            keys, vectors = file["keys"], file["vectors"]
    except (OSError, ValueError, KeyError, EOFError):
        return {}
    if vectors.shape != (len(keys), 2, width):
        return {}
    return {key.tobytes(): vector for key, vector in zip(keys, vectors, strict=True)}


def _write_cache(path: Path, vectors: dict[bytes, NDArray[np.float16]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Those of another backbone are of no use any more.
    for older in path.parent.glob(f"{CACHE_PREFIX}*.npz"):
        older.unlink()
    partial = path.with_suffix(".incomplete")
    with partial.open("wb") as file:
        np.savez(
            file,
            keys=np.stack([np.frombuffer(key, np.uint8) for key in vectors]),
            vectors=np.stack(list(vectors.values())),
        )
    partial.replace(path)
