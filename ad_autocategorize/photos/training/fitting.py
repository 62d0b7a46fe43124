"""From photos to a network that can be served: frozen or fine-tuned training, and the choice of view and rules."""

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
    """Return whether only the branches are trained on so many photos.

    Raises ``ValueError`` for a frozen backbone with random weights, from which they could not learn.
    """
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
    """Train a network in place, with a frozen backbone or fine-tuned (see ``is_frozen``).

    Parameters
    ----------
    train, validation : photos of the serving size.
    work : the folder of a fine-tuned network's checkpoint; ``None`` for none.
    embeddings : the folder in which a frozen backbone's embeddings are kept; ``None`` for nowhere.
    resume : whether to go on from a checkpoint.
    reports : called after every epoch.
    """
    if is_frozen(settings, len(train)):
        BranchTrainer(network, train, validation, embeddings, device, settings.seed).run(reports)
    else:
        Trainer(network, settings, train, validation, work, device).run(resume=resume, reports=reports)
    network.mirror = settings.mirror


@dataclass(frozen=True, slots=True)
class Served:
    """How a trained network is served, and the figures by which that was chosen."""

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
    """Choose the view (the zoom of ``Preprocessing``) and the rules that do best on photos not learned from.

    Parameters
    ----------
    learned : the photos that the network was trained on.
    validation : returns the validation photos with a given zoom.
    table : the pairs that may be answered, bool[brands, models].
    precision, others_learned : see ``choose_rules``.
    embeddings : the folder in which a frozen backbone's embeddings are kept; ``None`` for nowhere.
    """
    if is_frozen(settings, len(learned)):
        # Fitted in seconds, the branches can be fitted once for each fold: all photos are then photos not learned from.
        trainer = BranchTrainer(network, learned, learned, embeddings, device, settings.seed)
        views = {1.0: _cars(learned, trainer.out_of_fold())}
    else:
        views = _views(network, learned, validation, device)
    likely = {zoom: likelihood(logits, photos.seen_labels, table) for zoom, (photos, logits) in views.items()}
    zoom = max(likely, key=likely.__getitem__)
    photos, logits = views[zoom]
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


# Photos of cars, and the logits of each output for them, float32[n, classes].
_View = tuple[PhotoSet, dict[str, NDArray[np.float32]]]


def _views(
    network: CarNetwork, learned: PhotoSet, validation: Callable[[float], PhotoSet], device: str
) -> dict[float, _View]:
    """Return the validation photos with each of ``ZOOMS``, and the network's logits for them."""
    views = {}
    for zoom in ZOOMS:
        photos = validation(zoom)
        if not len(photos):
            # A site with a handful of ads has none to spare for validation: the training photos have to do.
            photos = learned
        views[zoom] = _cars(photos, predict_logits(network, photos, device))
    return views


def _cars(photos: PhotoSet, logits: dict[str, NDArray[np.float32]]) -> _View:
    """Return the photos that show cars, and their logits."""
    shown = photos.labels[:, len(HEADS)] == 1
    return photos.subset(shown), {name: values[shown] for name, values in logits.items()}
