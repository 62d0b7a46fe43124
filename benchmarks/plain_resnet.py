"""The reference of ``benchmarks.cars``: a plain ResNet-18 with four linear branches, trained as a tutorial would."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torchvision
from torch import Tensor, nn
from torchvision.transforms import v2

from ad_autocategorize.photos.dataset import PhotoSet
from ad_autocategorize.photos.preprocessing import MEAN, STD
from ad_autocategorize.photos.selection import compare_decodings, unmasked_model_accuracy
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, Vocabularies

HEIGHT, WIDTH = 84, 112
EPOCHS = 30
BATCH = 32
PEAK_LEARNING_RATE = 0.1


def train_and_test(
    train: PhotoSet, held_out: PhotoSet, vocabularies: Vocabularies, say: Callable[[str], None]
) -> dict[str, float]:
    """Train on cars and return accuracies on held-out ones: each head alone, and the model by two maskings.

    Photos of both sets may have any size.
    """
    torch.manual_seed(0)
    network = torchvision.models.resnet18()
    network.fc = nn.Linear(network.fc.in_features, sum(vocabularies.sizes.values()))  # type: ignore[assignment]
    network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), PEAK_LEARNING_RATE, 0.9, weight_decay=5e-4, nesterov=True)
    cars = train.subset(train.labels[:, -1] == 1)
    steps = EPOCHS * (len(cars) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LEARNING_RATE, total_steps=steps)
    variation = v2.Compose(
        [v2.RandomResizedCrop((HEIGHT, WIDTH), (0.6, 1.0), antialias=True), v2.RandomHorizontalFlip(), *_normalized()]
    )
    for epoch in range(EPOCHS):
        network.train()
        order = torch.randperm(len(cars))[: steps // EPOCHS * BATCH]
        for chosen in order.split(BATCH):
            photos = torch.stack([variation(_photo(cars, int(place))) for place in chosen])
            labels = torch.from_numpy(cars.labels[chosen.numpy()])
            loss = _loss(_heads(_logits(network, photos), vocabularies), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        say(f"plain ResNet-18, epoch {epoch + 1} of {EPOCHS}")
    return _test(network.eval(), held_out, vocabularies)


def _test(network: nn.Module, held_out: PhotoSet, vocabularies: Vocabularies) -> dict[str, float]:
    fixed = v2.Compose([v2.Resize((HEIGHT, WIDTH), antialias=True), *_normalized()])
    parts = []
    with torch.inference_mode():
        for chosen in torch.arange(len(held_out)).split(128):
            parts.append(_logits(network, torch.stack([fixed(_photo(held_out, int(place))) for place in chosen])))
    logits = {head: values.numpy() for head, values in _heads(torch.cat(parts), vocabularies).items()}
    labels = held_out.labels[:, : len(HEADS)]
    figures = {}
    for column, head in enumerate(HEADS):
        known = labels[:, column] != MISSING
        figures[head] = float((logits[head][known].argmax(1) == labels[known, column]).mean())
    decodings = compare_decodings(logits, labels, vocabularies.compatibility())
    figures["model"] = unmasked_model_accuracy(logits, labels)
    figures["model masked by the predicted brand"] = decodings["predicted_brand", 1.0]["model"]
    figures["model by the joint probability"] = decodings["joint", 1.0]["model"]
    return figures


def _normalized() -> list[nn.Module]:
    return [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]


def _photo(photos: PhotoSet, place: int) -> Tensor:
    return torch.from_numpy(photos.read(slice(place, place + 1))[0]).permute(2, 0, 1)


def _logits(network: nn.Module, photos: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16, enabled=torch.cpu._is_avx512_bf16_supported()):
        logits: Tensor = network(photos.contiguous(memory_format=torch.channels_last))
    return logits.float()


def _heads(logits: Tensor, vocabularies: Vocabularies) -> dict[str, Tensor]:
    sizes = vocabularies.sizes
    return dict(zip(sizes, logits.split(list(sizes.values()), dim=1), strict=True))


def _loss(heads: dict[str, Tensor], labels: Tensor) -> Tensor:
    terms = []
    for column, head in enumerate(HEADS):
        known = labels[:, column] != MISSING
        if known.any():
            terms.append(nn.functional.cross_entropy(heads[head][known], labels[known, column], label_smoothing=0.1))
    return torch.stack(terms).sum()
