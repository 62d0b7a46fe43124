"""Training a new photo network from the marketplace's ads and imported sets, and putting it into service as ``versions`` does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_autocategorize import versions
from ad_autocategorize.artifacts import ArtifactError
from ad_autocategorize.cars.catalog import catalog_pairs, table_of_today
from ad_autocategorize.cars.hold_out import HOLD_OUT_NAME, list_hold_out
from ad_autocategorize.cars.labelled_photos import ad_photo_records, imported_photo_records
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.photos.artifact import (
    GRAPH_NAME,
    PARTIAL_PREFIX,
    WEIGHTS_NAME,
    PhotoManifest,
    read_photo_manifest,
    read_verified,
    write_photo_artifact,
)
from ad_autocategorize.photos.settings import PhotoSettings
from ad_autocategorize.photos.training.images import PhotoRecord, Skipped
from ad_autocategorize.photos.vocabularies import BoolArray, Pair, Vocabularies
from ad_autocategorize.sources import AdSource
from taxonomy.locking import current_version

if TYPE_CHECKING:
    from ad_autocategorize.photos.training.dataset import PhotoSet
    from ad_autocategorize.photos.training.fitting import Served
    from ad_autocategorize.photos.training.network import CarNetwork
    from ad_autocategorize.photos.training.training import Epoch

LOCK_NAME = ".photo-training.lock"
NAME_PREFIX = "photos-"
WORK_FOLDER = ".photo-training"
# What the heads of the training under way mean, beside its checkpoint.
VOCABULARIES_NAME = "vocabularies.json"
# What a frozen backbone sees in each photo, kept from one training to the next.
EMBEDDINGS_FOLDER = ".photo-embeddings"
# What the next training takes over from the version in service, unless it is told otherwise.
INHERITED = ("backbone", "height", "width")
# Shares of the photos: rules are chosen on the one, and figures taken on the other.
VALIDATION, HOLD_OUT = 0.1, 0.1
# A threshold wants so many photos to be chosen by, as far as a quarter of all will do.
WANTED, MOST_VALIDATION = 150, 0.25
FEWEST_PHOTOS = 20
MOST_CHECKED = 32


class TooFewPhotos(ValueError):
    """There is not enough to learn from; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class PhotoRequest:
    """What ``retrain_photos`` is asked for.

    Attributes
    ----------
    weights : what to start from, see ``PhotoSettings``; ``None`` for the version in service, or the marketplace's setting.
    accept_licence : whether weights may be used that are not free for every use.
    settings : override those of the marketplace.
    """

    limit: int | None = None
    activate: bool = True
    resume: bool = False
    device: str = "cpu"
    weights: str | None = None
    accept_licence: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """A recorded version and what there is to say of it.

    Attributes
    ----------
    skipped : the photos left out.
    export_difference : the largest between torch's logits and those of the exported graph.
    never_seen : models of the catalog that no photo was learned for: they are never guessed.
    frozen : whether the branches alone were trained.
    started_from : the version, the package or the file that the first weights came from.
    """

    version: ModelVersion
    skipped: Skipped
    export_difference: float
    never_seen: list[Pair]
    frozen: bool
    started_from: str


@dataclass(frozen=True, slots=True)
class _Parts:
    vocabularies: Vocabularies
    table: BoolArray
    train: PhotoSet
    validation: PhotoSet
    zoomed: Callable[[str, float], PhotoSet]
    hold_out_list: bytes
    skipped: Skipped
    groups: int
    others_learned: bool


def retrain_photos(
    source: AdSource, request: PhotoRequest, report: Callable[[Epoch], None] = lambda epoch: None
) -> PhotoResult | None:
    """Train on the photos of the published ads and of imported sets, test on a hold-out, record and activate.

    Under ``torchrun`` all processes train, and the first one does the rest; the others return ``None``.

    Raises ``TooFewPhotos``, ``TrainingBusy``, ``SourceError``, ``ArtifactError``, ``ValueError``, ``OSError``.
    """
    from ad_autocategorize.photos.training.distributed import rank_and_size, wait_for_all
    from ad_autocategorize.photos.training.fitting import train_network

    settings, before = _settings(request)
    directory = plugin_settings.model_dir
    first = rank_and_size()[0] == 0
    with versions.only_one(directory, LOCK_NAME) if first else nullcontext():
        if first:
            # An interrupted training's checkpoint is of use.
            versions.sweep(directory, PARTIAL_PREFIX, NAME_PREFIX)
        else:
            # The first process packs the photos; the others find them packed.
            wait_for_all()
        work = directory / WORK_FOLDER
        records = [*ad_photo_records(source, limit=request.limit), *imported_photo_records()]
        # The other processes of a training take the first one's: ads may have come in since it read them.
        begun = _vocabularies_begun_with(work) if request.resume or not first else None
        parts = _prepare(records, settings, work, before.vocabularies if before else None, begun)
        if first and begun is None:
            _begin(work, parts.vocabularies)
        if first:
            wait_for_all()
        network, origin = _network(settings, parts.vocabularies, request, before)
        train_network(
            network,
            settings,
            parts.train,
            parts.validation,
            work=work,
            # Two processes must not write them at once.
            embeddings=directory / EMBEDDINGS_FOLDER if first else None,
            device=request.device,
            resume=request.resume,
            reports=[report],
        )
        if not first:
            return None
        result = _record(network, origin, settings, parts, request, directory)
        shutil.rmtree(work, ignore_errors=True)
    return result


def _settings(request: PhotoRequest) -> tuple[PhotoSettings, PhotoManifest | None]:
    """Return the settings of this training, and the manifest of the version in service if it is to be continued.

    Without other words backbone and size are that version's, and its weights what training starts from. Raises
    ``ArtifactError`` where it cannot be read, ``ValueError``.
    """
    told = {**plugin_settings.PHOTOS, **request.settings}
    if request.weights is not None:
        return PhotoSettings.from_dict({**told, "weights": request.weights}), None
    served = _in_service()
    if served is None:
        return PhotoSettings.from_dict(told), None
    name, manifest = served
    earlier = manifest.document["settings"]
    settings = PhotoSettings.from_dict({**{key: earlier[key] for key in INHERITED}, **told})
    if settings.backbone != earlier["backbone"] or not _has_weights(manifest):
        # Another one was asked for, whose own weights are better than none; or there is nothing to go on from.
        return settings, None
    return replace(settings, weights=name), manifest


def served_without_weights() -> str | None:
    """Return the name of the version in service if no training can go on from it: the next one starts anew.

    Raises ``ArtifactError`` where it cannot be read.
    """
    served = _in_service()
    return served[0] if served is not None and not _has_weights(served[1]) else None


def _in_service() -> tuple[str, PhotoManifest] | None:
    """Return the name and the manifest of the version in service. Raises ``ArtifactError`` where it cannot be read."""
    version = ModelVersion.objects.filter(kind=ModelVersion.Kind.PHOTOS, is_active=True).first()
    if version is None:
        return None
    try:
        return version.name, read_photo_manifest(plugin_settings.model_dir / version.name)
    except ArtifactError as error:
        raise ArtifactError(f"{error} --weights pretrained starts without the version in service.") from error


def _has_weights(manifest: PhotoManifest) -> bool:
    """Return whether training can go on from a version: one that was made to be served alone has its graph and no more."""
    return WEIGHTS_NAME in manifest.document.get("sha256", {})


def _vocabularies_begun_with(work: Path) -> Vocabularies | None:
    """Return the vocabularies of the interrupted training; ``None`` where there is none to go on with.

    Ads change while a training is interrupted. What is new among them is learned by the next training: new values would move
    the places of those that the checkpoint's weights stand for.
    """
    try:
        return Vocabularies.from_dict(json.loads((work / VOCABULARIES_NAME).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def _begin(work: Path, vocabularies: Vocabularies) -> None:
    """Put an older training's checkpoint aside for good, and note what the heads of this one mean."""
    from ad_autocategorize.photos.training.checkpoints import CHECKPOINT_NAME

    (work / CHECKPOINT_NAME).unlink(missing_ok=True)
    partial = work / f"{VOCABULARIES_NAME}.incomplete"
    partial.write_text(json.dumps(vocabularies.to_dict()), encoding="utf-8")
    partial.replace(work / VOCABULARIES_NAME)


def _prepare(
    records: list[PhotoRecord],
    settings: PhotoSettings,
    work: Path,
    before: Vocabularies | None,
    begun: Vocabularies | None,
) -> _Parts:
    """Pack and part the photos; the heads are those of ``begun``, or else those of ``before`` and what is new."""
    from ad_autocategorize.photos.training.dataset import PhotoSet
    from ad_autocategorize.photos.training.fitting import is_frozen
    from ad_autocategorize.photos.training.images import pack_photos
    from ad_autocategorize.photos.training.splitting import split_places

    packed = pack_photos(records, work / "cache", settings.height, settings.width)
    cars = [record for record in packed.records if record.is_car]
    if len(cars) < FEWEST_PHOTOS:
        raise TooFewPhotos(
            f"There are {len(cars)} readable photos of ads with a brand; {FEWEST_PHOTOS} are the least to learn from."
        )
    places = split_places(packed)
    vocabularies = begun or Vocabularies.of((record.labels for record in cars), before=before)
    shown = np.array([record.is_car for record in packed.records])
    validation = VALIDATION
    if not is_frozen(settings, len(cars)):
        # Frozen branches choose thresholds by what they learn from, out of fold.
        validation = min(MOST_VALIDATION, max(VALIDATION, WANTED / len(cars)))
    chosen = {
        "validation": (places < validation) & shown,
        "hold_out": (places >= validation) & (places < validation + HOLD_OUT) & shown,
    }
    kept = {name: list(compress(packed.records, part)) for name, part in chosen.items()}

    def zoomed(part: str, zoom: float) -> PhotoSet:
        # Read again by the steps of serving.
        return PhotoSet.of(pack_photos(kept[part], work / "cache", settings.height, settings.width, zoom), vocabularies)

    learned = ~(chosen["validation"] | chosen["hold_out"])
    photos = PhotoSet.of(packed, vocabularies)
    return _Parts(
        vocabularies,
        table_of_today(vocabularies),
        photos.subset(learned),
        photos.subset(chosen["validation"]),
        zoomed,
        hold_out_list=list_hold_out(kept["hold_out"]),
        skipped=packed.skipped,
        groups=len({record.group for record in cars}),
        others_learned=bool((learned & ~shown).any()),
    )


def _network(
    settings: PhotoSettings, vocabularies: Vocabularies, request: PhotoRequest, before: PhotoManifest | None
) -> tuple[CarNetwork, dict[str, str]]:
    """Return the network with the weights that training starts from, and where they came from."""
    import torch
    from safetensors.torch import load

    from ad_autocategorize.photos.training.backbones import initialize
    from ad_autocategorize.photos.training.network import CarNetwork, extend_weights

    torch.manual_seed(settings.seed)
    network = CarNetwork(settings.backbone, vocabularies, settings.height, settings.width)
    if before is None:
        origin = initialize(
            network.backbone, settings.backbone, settings.weights, accept_licence=request.accept_licence
        )
        return network, origin.to_dict()
    version = str(before.document["version"])
    extend_weights(network, load(read_verified(plugin_settings.model_dir / version, WEIGHTS_NAME, before)))
    return network, {**before.document["origin"], "continued": version}


def _record(
    network: CarNetwork,
    origin: dict[str, str],
    settings: PhotoSettings,
    parts: _Parts,
    request: PhotoRequest,
    directory: Path,
) -> PhotoResult:
    """Choose how the network is served, test it on the hold-out, write the artifact and record the version."""
    from safetensors.torch import save

    from ad_autocategorize.photos.training.export import largest_difference, to_onnx
    from ad_autocategorize.photos.training.fitting import choose_serving, is_frozen

    served = choose_serving(
        network,
        settings,
        parts.train,
        lambda zoom: parts.zoomed("validation", zoom),
        parts.vocabularies,
        parts.table,
        precision=plugin_settings.PHOTO_PRECISION,
        others_learned=parts.others_learned,
        embeddings=directory / EMBEDDINGS_FOLDER,
        device=request.device,
    )
    metrics = _test(network, served, parts, request.device)
    frozen = is_frozen(settings, len(parts.train))
    metrics |= {"origin": origin, "frozen": frozen}
    graph = to_onnx(network, settings.height, settings.width)
    checked = served.preprocessing.normalize(parts.train.read(slice(MOST_CHECKED)))
    difference = largest_difference(network, graph, checked)
    name = versions.new_name(NAME_PREFIX)
    manifest = {
        "version": name,
        "vocabularies": parts.vocabularies.to_dict(),
        "mask": [place.tolist() for place in np.nonzero(parts.table)],
        "rules": served.rules.to_dict(),
        "preprocessing": served.preprocessing.to_dict(),
        "settings": settings.to_dict(),
        "origin": origin,
        "photos": len(parts.train),
        "skipped": dict(parts.skipped.counts),
        "metrics": metrics,
        "selection": served.figures,
        "export_difference": difference,
    }
    weights = {key: value.cpu().contiguous() for key, value in network.state_dict().items()}
    files = {GRAPH_NAME: graph, WEIGHTS_NAME: save(weights), HOLD_OUT_NAME: parts.hold_out_list}
    digest = write_photo_artifact(directory / name, files, manifest)
    version = versions.record(
        directory,
        activate=request.activate,
        kind=ModelVersion.Kind.PHOTOS,
        name=name,
        digest=digest,
        taxonomy_version=current_version(),
        ad_count=parts.groups,
        metrics=metrics,
    )
    never_seen = parts.vocabularies.never_seen(catalog_pairs())
    started_from = origin.get("continued", origin["weights"])
    return PhotoResult(version, parts.skipped, difference, never_seen, frozen, started_from)


def _test(network: CarNetwork, served: Served, parts: _Parts, device: str) -> dict[str, Any]:
    """Return the figures of the hold-out; none where it is empty."""
    from ad_autocategorize.photos.training.evaluation import evaluate
    from ad_autocategorize.photos.training.training import predict_logits

    photos = parts.zoomed("hold_out", served.preprocessing.zoom)
    if not len(photos):
        return {}
    return evaluate(
        predict_logits(network, photos, device),
        photos.seen_labels,
        photos.groups,
        parts.vocabularies,
        served.rules,
        precision=plugin_settings.PHOTO_PRECISION,
        table=parts.table,
    )
