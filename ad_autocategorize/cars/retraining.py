"""Training a new photo network from the marketplace's ads and imported sets, and putting it into service as ``versions`` does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_autocategorize import versions
from ad_autocategorize.artifacts import GRAPH_NAME, ArtifactError
from ad_autocategorize.cars.catalog import catalog_pairs
from ad_autocategorize.cars.hold_out import HOLD_OUT_NAME, list_hold_out
from ad_autocategorize.cars.labelled_photos import ad_photo_records, imported_photo_records
from ad_autocategorize.cars.photo_parts import PhotoParts, prepare_photos
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.photos.artifact import (
    PARTIAL_PREFIX,
    WEIGHTS_NAME,
    PhotoManifest,
    read_photo_manifest,
    read_verified,
    write_photo_artifact,
)
from ad_autocategorize.photos.settings import PhotoSettings
from ad_autocategorize.photos.training.images import Skipped
from ad_autocategorize.photos.vocabularies import Pair, Vocabularies
from ad_autocategorize.private_copies import whole_folder
from ad_autocategorize.sources import AdSource
from ad_autocategorize.versions.history import active_version
from ad_autocategorize.versions.locking import HeldLock
from ad_autocategorize.versions.provenance import fingerprint
from taxonomy.locking import current_version

if TYPE_CHECKING:
    from ad_autocategorize.photos.training.fitting import Served
    from ad_autocategorize.photos.training.network import CarNetwork
    from ad_autocategorize.photos.training.training import Epoch

NAME_PREFIX = "photos-"
SLOT = {"kind": ModelVersion.Kind.PHOTOS, "source": "", "language": ""}
WORK_FOLDER = ".photo-training"
# What the heads of the training under way mean, beside its checkpoint.
VOCABULARIES_NAME = "vocabularies.json"
# What a frozen backbone sees in each photo, kept from one training to the next.
EMBEDDINGS_FOLDER = ".photo-embeddings"
# What the next training takes over from the version in service, unless it is told otherwise.
INHERITED = ("backbone", "height", "width")
MOST_CHECKED = 32


@dataclass(frozen=True, slots=True)
class PhotoTrainingRequest:
    """What ``retrain_photos`` is asked for.

    Attributes
    ----------
    weights : what to start from, see ``PhotoSettings``; ``None`` for the version in service, or the marketplace's setting.
    accept_licence : whether weights may be used that are not free for every use.
    settings : override those of the marketplace.
    training : who asks, and what is to become of the version.
    """

    limit: int | None = None
    training: versions.Training = field(default_factory=versions.Training)
    resume: bool = False
    device: str = "cpu"
    weights: str | None = None
    accept_licence: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PhotoTrainingResult:
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


def retrain_photos(
    source: AdSource, request: PhotoTrainingRequest, report: Callable[[Epoch], None] = lambda epoch: None
) -> PhotoTrainingResult | None:
    """Train on the photos of the published ads and of imported sets, test on a hold-out, record, and promote what
    passes the gate.

    Under ``torchrun`` all processes train, and the first one does the rest; the others return ``None``.

    Raises ``TooFewPhotos``, ``TrainingBusy``, ``SourceError``, ``ArtifactError``, ``ValueError``, ``OSError``.
    """
    from ad_autocategorize.photos.training.distributed import rank_and_size
    from ad_autocategorize.photos.training.fitting import train_network

    settings, before = _settings(request)
    directory = plugin_settings.model_dir
    work = directory / WORK_FOLDER
    first = rank_and_size()[0] == 0
    with versions.training_lock(directory, ModelVersion.Kind.PHOTOS) if first else nullcontext() as lock:
        parts = _prepare(source, request, settings, before, work, first=first)
        network, origin = _network(settings, parts.vocabularies, request, before)
        train_network(
            network,
            settings,
            parts.train,
            parts.validation,
            work=work,
            # The first process alone writes them.
            embeddings=directory / EMBEDDINGS_FOLDER if first else None,
            device=request.device,
            resume=request.resume,
            reports=[report, _noted(lock)] if lock else [report],
        )
        if lock is None:
            return None
        written = _write(network, origin, settings, parts, request, directory)
        version = _record(written, settings, parts, request.training, directory, lock)
        shutil.rmtree(work, ignore_errors=True)
    never_seen = parts.vocabularies.never_seen(catalog_pairs())
    started_from = origin.get("continued", origin["weights"])
    return PhotoTrainingResult(version, parts.skipped, written.difference, never_seen, written.frozen, started_from)


def _prepare(
    source: AdSource,
    request: PhotoTrainingRequest,
    settings: PhotoSettings,
    before: PhotoManifest | None,
    work: Path,
    *,
    first: bool,
) -> PhotoParts:
    """Read and part the photos: the ``first`` process packs them, the others wait for it and find them packed."""
    from ad_autocategorize.photos.training.distributed import wait_for_all

    if first:
        # Folders without a record go. The work folder stays: a checkpoint in it can be resumed.
        versions.sweep(PARTIAL_PREFIX, NAME_PREFIX)
    else:
        wait_for_all()
    records = [*ad_photo_records(source, limit=request.limit), *imported_photo_records()]
    # The others take the first one's vocabularies: ads may have come in since it read them.
    begun = _vocabularies_begun_with(work) if request.resume or not first else None
    parts = prepare_photos(records, settings, work, before.vocabularies if before else None, begun)
    if first:
        if begun is None:
            _begin(work, parts.vocabularies)
        # From here on the others go on.
        wait_for_all()
    return parts


def _noted(lock: HeldLock) -> Callable[[Epoch], None]:
    """Return a report that tells the lock how far training is, for the admin to show."""

    def note(epoch: Epoch) -> None:
        lock.note(f"epoch {epoch.number + 1}, {epoch.progress:.0%}")

    return note


def _settings(request: PhotoTrainingRequest) -> tuple[PhotoSettings, PhotoManifest | None]:
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
    version = active_version(SLOT)
    if version is None:
        return None
    try:
        return version.name, read_photo_manifest(whole_folder(version.name))
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


def _network(
    settings: PhotoSettings, vocabularies: Vocabularies, request: PhotoTrainingRequest, before: PhotoManifest | None
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
    extend_weights(network, load(read_verified(whole_folder(version), WEIGHTS_NAME, before)))
    return network, {**before.document["origin"], "continued": version}


@dataclass(frozen=True, slots=True)
class _Written:
    """A network whose files are in place, under ``name``, and what was measured."""

    name: str
    digest: str
    metrics: dict[str, Any]
    difference: float
    frozen: bool


def _write(
    network: CarNetwork,
    origin: dict[str, str],
    settings: PhotoSettings,
    parts: PhotoParts,
    request: PhotoTrainingRequest,
    directory: Path,
) -> _Written:
    """Choose how the network is served, test it on the hold-out, and write the artifact."""
    from safetensors.torch import save

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
    graph, difference = _export(network, settings, served, parts)
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
    files = {GRAPH_NAME: graph, WEIGHTS_NAME: save(weights), HOLD_OUT_NAME: list_hold_out(parts.hold_out)}
    digest = write_photo_artifact(directory / name, files, manifest)
    return _Written(name, digest, metrics, difference, frozen)


def _export(network: CarNetwork, settings: PhotoSettings, served: Served, parts: PhotoParts) -> tuple[bytes, float]:
    """Return the network as an ONNX graph, and the largest difference between the logits of the two for some photos."""
    from ad_autocategorize.photos.training.export import largest_difference, to_onnx

    graph = to_onnx(network, settings.height, settings.width)
    checked = served.preprocessing.normalize(parts.train.read(slice(MOST_CHECKED)))
    return graph, largest_difference(network, graph, checked)


def _record(
    written: _Written,
    settings: PhotoSettings,
    parts: PhotoParts,
    training: versions.Training,
    directory: Path,
    lock: HeldLock,
) -> ModelVersion:
    """Compare the network that was written with the one in service, and record its version."""
    from ad_autocategorize.cars.judging import ad_keys, ask_cars, car_counts, judge_photos
    from ad_autocategorize.photos.predictor import PhotoPredictor

    lock.note("comparing")
    folder, champion = directory / written.name, active_version(SLOT)
    answers = ask_cars(PhotoPredictor.load(folder, written.digest), parts.hold_out)
    answers.outcomes(parts.cars, parts.vocabularies).save(folder)
    counts = car_counts(parts.cars)
    verdict = judge_photos(
        champion,
        answers,
        parts.hold_out,
        counts,
        ads=parts.groups,
        metrics=written.metrics,
        tolerance=plugin_settings.PROMOTION_TOLERANCE,
    )
    lock.confirm()
    return versions.record(
        training,
        verdict,
        **SLOT,
        name=written.name,
        digest=written.digest,
        taxonomy_version=current_version(),
        ad_count=parts.groups,
        counts=counts,
        data_fingerprint=fingerprint(ad_keys(parts.cars), [record.labels for record in parts.cars]),
        settings=settings.to_dict(),
        metrics=written.metrics,
        parent=champion,
    )


def _test(network: CarNetwork, served: Served, parts: PhotoParts, device: str) -> dict[str, Any]:
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
