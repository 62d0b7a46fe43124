"""From photos to a network that can be served: which way to train, and how its logits become answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.photos.answers import Rules
from ad_autocategorize.photos.preprocessing import Preprocessing
from ad_autocategorize.photos.relations import TOLD, learn_relation
from ad_autocategorize.photos.settings import NO_WEIGHTS, PhotoSettings
from ad_autocategorize.photos.training.dataset import PhotoSet
from ad_autocategorize.photos.training.frozen import FEW_PHOTOS, BranchTrainer
from ad_autocategorize.photos.training.network import CarNetwork
from ad_autocategorize.photos.training.selection import ZOOMS, choose_rules, likelihood
from ad_autocategorize.photos.training.training import Report, Trainer, predict_logits
from ad_autocategorize.photos.vocabularies import HEADS, BoolArray, Vocabularies


def is_frozen(settings: PhotoSettings, photos: int) -> bool:
    """Return whether the branches alone are to be trained on so many photos. Raises ``ValueError`` where they could not learn."""
    knows_nothing = settings.weights == NO_WEIGHTS
    if settings.freeze_backbone is None:
        return photos < FEW_PHOTOS and not knows_nothing
    if settings.freeze_backbone and knows_nothing:
        raise ValueError(
            "A frozen backbone with random weights shows the branches noise: name weights, or do not freeze it."
        )
    return settings.freeze_backbone


def train_network(
    network: CarNetwork,
    settings: PhotoSettings,
    train: PhotoSet,
    validation: PhotoSet,
    *,
    work: Path | None = None,
    embeddings: Path | None = None,
    device: str = "cpu",
    resume: bool = False,
    reports: Sequence[Report] = (),
) -> None:
    """Train a network in place, frozen or fine-tuned.

    Parameters
    ----------
    train, validation : photos of the serving size.
    work : where a checkpoint is kept.
    embeddings : where a frozen backbone's are kept.
    """
    if is_frozen(settings, len(train)):
        BranchTrainer(network, train, validation, embeddings, device, settings.seed).run(reports)
    else:
        Trainer(network, settings, train, validation, work, device).run(resume=resume, reports=reports)
    network.mirror = settings.mirror


@dataclass(frozen=True, slots=True)
class Served:
    """How a trained network is served, and the figures that it was chosen by."""

    preprocessing: Preprocessing
    rules: Rules
    figures: dict[str, Any]


def choose_serving(
    network: CarNetwork,
    settings: PhotoSettings,
    learned: PhotoSet,
    validation: Callable[[float], PhotoSet],
    vocabularies: Vocabularies,
    table: BoolArray,
    *,
    precision: float = 0.9,
    others_learned: bool = True,
    embeddings: Path | None = None,
    device: str = "cpu",
) -> Served:
    """Choose the view and the rules that photos of cars are answered best with, which the network has not learned from.

    Parameters
    ----------
    validation : returns those photos in a zoom of ``Preprocessing``.
    table : the pairs that may be answered, bool[brands, models].
    embeddings : where a frozen backbone's are kept.
    """
    looked_at = {}
    if is_frozen(settings, len(learned)):
        # The branches are fitted again in seconds: every photo they learned from tells how they do on others.
        trainer = BranchTrainer(network, learned, learned, embeddings, device, settings.seed)
        looked_at[1.0] = _cars(learned, trainer.out_of_fold())
    else:
        for zoom in ZOOMS:
            photos = validation(zoom)
            if not len(photos):
                # A handful of ads: what they were learned from is all there is.
                photos = learned
            looked_at[zoom] = _cars(photos, predict_logits(network, photos, device))
    likely = {zoom: likelihood(logits, photos.seen_labels, table) for zoom, (photos, logits) in looked_at.items()}
    zoom = max(likely, key=likely.__getitem__)
    photos, logits = looked_at[zoom]
    rules, figures = choose_rules(
        logits,
        photos.seen_labels,
        photos.groups,
        table,
        precision=precision,
        others_learned=others_learned,
        relations=[learn_relation(learned.labels, vocabularies.sizes, told) for told in TOLD],
    )
    figures["zooms"] = {f"{item:g}": value for item, value in likely.items()}
    return Served(replace(Preprocessing(settings.height, settings.width), zoom=zoom), rules, figures)


def _cars(photos: PhotoSet, logits: dict[str, NDArray[np.float32]]) -> tuple[PhotoSet, dict[str, NDArray[np.float32]]]:
    """Return the photos that show cars, and their logits."""
    shown = photos.labels[:, len(HEADS)] == 1
    return photos.subset(shown), {name: values[shown] for name, values in logits.items()}
