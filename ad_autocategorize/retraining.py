"""Training a new title model from the marketplace's own ads, and putting it into service.

The order of events makes an interruption harmless at any point: files are written beside their final place and renamed, then one
transaction records and activates the version. Until it commits the old version serves; folders without a record are swept by
the next training, under the lock that lets only one training run at a time.
"""

from __future__ import annotations

import fcntl
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from ad_autocategorize import registry
from ad_autocategorize.artifacts import TEMPORARY_PREFIX
from ad_autocategorize.categories.label_weights import LabelWeights, weigh_labels
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.sources import AdSource
from ad_autocategorize.titles.settings import TitleSettings
from taxonomy.tree import CategoryTree

LOCK_NAME = ".training.lock"
NAME_PREFIX = "titles-"
# The active version and those one may want to go back to.
KEPT_VERSIONS = 3

Progress = Callable[[str, int, int], None]


class TrainingBusy(RuntimeError):
    """Another process is training into the same folder."""


@dataclass(frozen=True, slots=True)
class Request:
    """What ``retrain_titles`` is asked for."""

    since: date | None = None
    limit: int | None = None
    activate: bool = True
    jobs: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """A recorded version, the ads left out by reason, how labels were weighed, and the version that was active before."""

    version: ModelVersion
    skipped: Counter[str]
    labels: LabelWeights
    before: ModelVersion | None


def retrain_titles(source: AdSource, request: Request, progress: Progress) -> Result:
    """Evaluate on a hold-out, train on all ads, write the artifact, record it and activate it.

    Raises ``TrainingError`` where the ads cannot be learned from, ``TrainingBusy``, ``SourceError``, ``OSError``.
    """
    from ad_autocategorize.titles.evaluation import hold_out
    from ad_autocategorize.titles.training.training import tokenize, train

    settings = TitleSettings.from_dict(plugin_settings.TITLES)
    directory = plugin_settings.model_dir
    with only_one(directory):
        _sweep(directory)
        skipped: Counter[str] = Counter()
        tree = CategoryTree.load(include_inactive=True)
        titles, paths, labels = _collect(source, request, tree, skipped, progress)
        kept = len(tokenize(titles, settings)[1])
        skipped["nothing left of the title"] = len(titles) - kept
        options: dict[str, Any] = {"weights": labels.weights, "seed": request.seed, "jobs": request.jobs}
        evaluation = hold_out(titles, paths, settings, **options, progress=_stage(progress, "evaluating"))
        scorer = train(titles, paths, settings, **options, progress=_stage(progress, "training"))
        before = ModelVersion.objects.filter(kind=ModelVersion.Kind.TITLES, is_active=True).first()
        name = f"{NAME_PREFIX}{timezone.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
        metadata = {
            "version": name,
            "taxonomy_version": tree.version,
            "ads": kept,
            "skipped": dict(+skipped),
            "labels": dict(labels.origins),
            "metrics": evaluation.to_dict(),
        }
        scorer.save(directory / name, metadata=metadata)
        with transaction.atomic():
            version = ModelVersion.objects.create(
                kind=ModelVersion.Kind.TITLES,
                name=name,
                digest=scorer.digest,
                taxonomy_version=tree.version,
                ad_count=kept,
                metrics=evaluation.to_dict(),
            )
            if request.activate:
                version.activate()
        registry.expire()
        prune(directory, ModelVersion.Kind.TITLES)
    return Result(version, +skipped, labels, before)


def _collect(
    source: AdSource, request: Request, tree: CategoryTree, skipped: Counter[str], progress: Progress
) -> tuple[list[str], list[tuple[int, ...]], LabelWeights]:
    ads = []
    for ad in source.iter_titles(since=request.since, limit=request.limit, skipped=skipped):
        ads.append(ad)
        if len(ads) % 1000 == 0:
            progress("reading ads", len(ads), 0)
    titles = [ad.title[: plugin_settings.MAX_TITLE_LENGTH] for ad in ads]
    return titles, [tree.path_ids(ad.category_id) for ad in ads], weigh_labels(ads)


def _stage(progress: Progress, stage: str) -> Progress:
    return lambda _, done, total: progress(stage, done, total)


@contextmanager
def only_one(directory: Path, lock_name: str = LOCK_NAME) -> Iterator[None]:
    """Hold the folder's training lock. Raises ``TrainingBusy`` where another process does."""
    # The kernel drops the lock with its process, however that ends.
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / lock_name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TrainingBusy(f"Another training is writing to {directory}. Wait for it to end.") from error
        yield


def _sweep(directory: Path) -> None:
    """Remove what an interrupted training left."""
    recorded = set(ModelVersion.objects.values_list("name", flat=True))
    for entry in directory.iterdir():
        ours = entry.name.startswith((TEMPORARY_PREFIX, NAME_PREFIX))
        if entry.is_dir() and ours and entry.name not in recorded:
            shutil.rmtree(entry, ignore_errors=True)


def prune(directory: Path, kind: ModelVersion.Kind) -> None:
    """Delete all but the newest versions of a kind; the active one always stays."""
    versions = ModelVersion.objects.filter(kind=kind)
    newest = list(versions.values_list("pk", flat=True)[:KEPT_VERSIONS])
    for version in versions.exclude(pk__in=newest).exclude(is_active=True):
        version.delete()
        shutil.rmtree(directory / version.name, ignore_errors=True)
