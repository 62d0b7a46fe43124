"""What each choice of the photo network's loss, labels and decoding is worth, the published ones among them.

``python -m benchmarks.car_ablations FOLDER``; the folder is that of ``benchmarks.cars``. Every variant fits branches of its own
on the same embeddings of a frozen backbone, in seconds, so that differences are those of the variant. Tested on the photos that
``benchmarks.cars`` chooses by. The decodings need no training of their own: every row has them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ad_autocategorize.photos.answers import Rules, decode
from ad_autocategorize.photos.pairs import log_softmax, pair_scores
from ad_autocategorize.photos.relations import learn_relation
from ad_autocategorize.photos.settings import PRETRAINED, PhotoSettings
from ad_autocategorize.photos.training.backbones import initialize
from ad_autocategorize.photos.training.dataset import PhotoSet
from ad_autocategorize.photos.training.frozen import BranchTrainer, embed
from ad_autocategorize.photos.training.losses import HEAD_WEIGHTS, CarLoss
from ad_autocategorize.photos.training.network import CarNetwork
from ad_autocategorize.photos.training.selection import unmasked_model_accuracy
from ad_autocategorize.photos.vocabularies import HEADS, MISSING, Vocabularies
from benchmarks.cars import pack, parted


@dataclass(frozen=True)
class Variant:
    """One row: a loss, what the year is, and how much guessed colors count (``None`` for as much as they are believed)."""

    loss: CarLoss = field(default_factory=CarLoss)
    year_as_number: bool = False
    guessed: float | None = None


class NumberLoss(CarLoss):
    """The year's loss by its distance, in decades: the published system's regression."""

    def __init__(self, years: Tensor) -> None:
        super().__init__()
        self.years = years

    def of_head(self, head: str, outputs: Mapping[str, Tensor], target: Tensor) -> Tensor:
        if head != "year":
            return super().of_head(head, outputs, target)
        error = (outputs["year_value"].squeeze(1) - self.years[target.clamp(min=0)]) / 10
        # Smooth L1 counts a wrong decade linearly.
        each = F.smooth_l1_loss(error, torch.zeros_like(error), reduction="none", beta=0.1)
        return each * (target != MISSING)


class NumberNetwork(CarNetwork):
    """A network whose year branch gives one number, and logits that fall off with the distance from it."""

    def __init__(self, backbone: str, vocabularies: Vocabularies, height: int, width: int) -> None:
        super().__init__(backbone, vocabularies, height, width)
        self.heads["year"] = nn.Linear(self.width, 1)
        self.years = torch.tensor(vocabularies.year, dtype=torch.float32)

    def branches(self, embedded: Tensor) -> dict[str, Tensor]:
        outputs = super().branches(embedded)
        value = self.years.mean() + 10 * outputs["year"]
        return {**outputs, "year_value": value, "year": -(value - self.years).abs()}


def variants(vocabularies: Vocabularies) -> dict[str, Variant]:
    equal = dict.fromkeys(HEAD_WEIGHTS, 1.0)
    years = torch.tensor(vocabularies.year, dtype=torch.float32)
    return {
        "as in the product": Variant(),
        "equal weights (published)": Variant(CarLoss(equal)),
        "model weighs 4": Variant(CarLoss({**HEAD_WEIGHTS, "model": 4.0})),
        "no label smoothing": Variant(CarLoss(smoothing=0.0)),
        "year as a number (published)": Variant(NumberLoss(years), year_as_number=True),
        "colors seen alone": Variant(guessed=0.0),
        "guessed colors as if seen": Variant(guessed=1.0),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("var/benchmark-cars"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    settings = PhotoSettings()
    learning, choosing = parted(arguments.folder, None)
    vocabularies = Vocabularies.of(record.labels for record in learning + choosing)
    cache = arguments.out / "cache"
    sets = [pack(records, cache, settings, vocabularies) for records in (learning, choosing)]
    print(f"{settings.backbone}, frozen; {len(sets[0])} photos to learn from, {len(sets[1])} tested")
    columns = ("brand", "model", "body", "color", "year", "year+-1", "year+-2", "pred.brand", "joint", "no table")
    print(f"{'':<30}" + "".join(f"{column:>11}" for column in columns))
    for name, variant in variants(vocabularies).items():
        torch.manual_seed(0)
        kind = NumberNetwork if variant.year_as_number else CarNetwork
        network = kind(settings.backbone, vocabularies, settings.height, settings.width)
        initialize(network.backbone, settings.backbone, PRETRAINED)
        logits = fit(network, variant, *sets, folder=arguments.out, device=arguments.device)
        row = measure(logits, sets[1], vocabularies)
        print(f"{name:<30}" + "".join(f"{value:>11.4f}" for value in row), flush=True)
        if name == "as in the product":
            shown = logits
    for told in ("body_type", "year"):
        relation = learn_relation(sets[0].labels, vocabularies.sizes, told)
        print(f"What the model says of the {told}: " + told_by_model(shown, sets[1], vocabularies, relation))


def fit(
    network: CarNetwork, variant: Variant, learned: PhotoSet, tested: PhotoSet, *, folder: Path, device: str
) -> dict[str, np.ndarray]:
    """Return the logits of the tested photos; nothing is chosen on them, the last epoch counts."""
    if variant.guessed is not None:
        weights = np.where(learned.color_weights < 1, np.float32(variant.guessed), learned.color_weights)
        learned = replace(learned, color_weights=weights)
    nothing = tested.subset(np.zeros(len(tested), dtype=bool))
    # All at once, lest the cache of one set push the other out.
    vectors = embed(network.to(device).eval(), (learned, tested), folder, device)[1]
    BranchTrainer(network, learned, nothing, folder, device, loss=variant.loss).run()
    with torch.inference_mode():
        outputs = network.branches(vectors[:, 0].float())
    return {head: outputs[head].cpu().numpy() for head in HEADS}


def measure(logits: dict[str, np.ndarray], photos: PhotoSet, vocabularies: Vocabularies) -> list[float]:
    """Return the accuracies of a row; colors on labels that someone saw."""
    labels, table = photos.seen_labels, vocabularies.compatibility()
    owner = table.argmax(axis=0)
    pair = pair_scores(logits["brand"], logits["model"], table).argmax(axis=1)
    years = np.array(vocabularies.year)
    off = np.abs(years[logits["year"].argmax(axis=1)] - years[labels[:, 4]])
    seen = labels[:, 3] != MISSING
    return [
        float((owner[pair] == labels[:, 0]).mean()),
        float((pair == labels[:, 1]).mean()),
        float((logits["body_type"].argmax(axis=1) == labels[:, 2]).mean()),
        float((logits["color"].argmax(axis=1) == labels[:, 3])[seen].mean()),
        *(float((off <= distance).mean()) for distance in (0, 1, 2)),
        float((of_the_predicted_brand(logits, table) == labels[:, 1]).mean()),
        float((jointly(logits, table) == labels[:, 1]).mean()),
        unmasked_model_accuracy(logits, labels),
    ]


def of_the_predicted_brand(logits: dict[str, np.ndarray], table: np.ndarray) -> np.ndarray:
    """Return the published system's models: the best of those of the most probable brand, int64[n]."""
    return np.where(table[logits["brand"].argmax(axis=1)], logits["model"], -np.inf).argmax(axis=1)


def jointly(logits: dict[str, np.ndarray], table: np.ndarray) -> np.ndarray:
    """Return the models of the highest P(brand) P(model | brand), int64[n]."""
    scores = np.full_like(logits["model"], -np.inf)
    brands = log_softmax(logits["brand"])
    for brand, models in enumerate(table):
        scores[:, models] = brands[:, [brand]] + log_softmax(logits["model"][:, models])
    return scores.argmax(axis=1)


def told_by_model(logits: dict[str, np.ndarray], photos: PhotoSet, vocabularies: Vocabularies, relation: object) -> str:
    """Return the accuracy of a head with each weight of what the model says of it."""
    column, row = HEADS.index(relation.told), []
    for weight in (0.0, 0.25, 0.5, 1.0):
        rules = Rules(relations=(replace(relation, weight=weight),))
        decoded = decode(logits, vocabularies.compatibility(), rules)
        right = decoded[relation.told].argmax(axis=1) == photos.labels[:, column]
        row.append(f"{right.mean():.4f} with {weight:g}")
    return ", ".join(row)


if __name__ == "__main__":
    main()
