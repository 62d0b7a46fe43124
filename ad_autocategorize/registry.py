"""Which model a process serves: looked up in the database, mapped from disk, swapped without a restart."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ad_autocategorize.artifacts import ArtifactError
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.item_photos.names import PART_KEY
from ad_autocategorize.item_photos.scorer import PhotoPart, load_part
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.titles.scorer import TitleScorer

if TYPE_CHECKING:
    from ad_autocategorize.item_photos.backbone import Embedder
    from ad_autocategorize.photos.predictor import PhotoPredictor

logger = logging.getLogger("ad_autocategorize")

# How long a process may go on with the version it has before it asks the database again.
CHECK_INTERVAL_SECONDS = 3.0
# Between the tries to load a version that could not be loaded: twice as long after each.
FIRST_PAUSE_SECONDS = 3.0
LONGEST_PAUSE_SECONDS = 300.0


Served = TypeVar("Served")


@dataclass(frozen=True, slots=True)
class ActiveScorer:
    """The title model in service, the name of its version, and what photos add to it, where they do."""

    scorer: TitleScorer
    version: str
    photos: PhotoPart | None = None


class Registry(Generic[Served]):
    """One a process and kind. A version that cannot be loaded is logged, and the one before is kept.

    It is tried again, since files may arrive later than the row that names them: after some seconds at first, then less often.
    """

    def __init__(
        self, kind: ModelVersion.Kind, load: Callable[[Path, str, str], Served], source: str = "", language: str = ""
    ) -> None:
        self._which = {"kind": kind, "source": source, "language": language}
        self._load = load
        self.forget()
        _registries.add(self)

    def forget(self) -> None:
        """Drop what is cached; the next call reads the database."""
        self._lock = threading.Lock()
        self._current: tuple[str, str, Served] | None = None
        self._refused = _Refused()
        self._checked_at = -CHECK_INTERVAL_SECONDS

    def expire(self) -> None:
        """Ask the database at the next call, keeping the model in memory."""
        self._checked_at = -CHECK_INTERVAL_SECONDS

    def renew_lock(self) -> None:
        """Take a lock of this process: in a forked child a thread that is not there may hold the parent's."""
        self._lock = threading.Lock()

    def active(self) -> Served | None:
        """Return the model to serve, or ``None`` where none is trained. Costs one query every few seconds."""
        if time.monotonic() - self._checked_at < CHECK_INTERVAL_SECONDS:
            return self._served()
        with self._lock:
            if time.monotonic() - self._checked_at >= CHECK_INTERVAL_SECONDS:
                self._refresh()
        return self._served()

    def _served(self) -> Served | None:
        return None if self._current is None else self._current[2]

    def _refresh(self) -> None:
        versions = ModelVersion.objects.filter(**self._which, is_active=True)
        wanted = versions.values_list("name", "digest").first()
        if wanted is None:
            self._current = None
        elif (self._current is None or self._current[:2] != wanted) and not self._refused.holds(wanted):
            name, digest = wanted
            try:
                self._current = name, digest, self._load(plugin_settings.model_dir / name, name, digest)
            except Exception as error:  # Whatever a folder holds, the version before goes on.
                if self._refused.add(wanted, error):
                    logger.exception("Model version %s cannot be served; the one before stays.", name)
        self._checked_at = time.monotonic()


class _Refused:
    """The version that could not be loaded, and when it is worth another try."""

    def __init__(self) -> None:
        self._version: tuple[str, str] | None = None
        self._error = ""
        self._pause = 0.0
        self._until = 0.0

    def holds(self, version: tuple[str, str]) -> bool:
        """Return whether this version is not to be tried now."""
        return version == self._version and time.monotonic() < self._until

    def add(self, version: tuple[str, str], error: Exception) -> bool:
        """Note a failure, and return whether it is news."""
        known = version == self._version and str(error) == self._error
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS) if version == self._version else FIRST_PAUSE_SECONDS
        self._version, self._error, self._until = version, str(error), time.monotonic() + self._pause
        return not known


_registries: weakref.WeakSet[Registry[Any]] = weakref.WeakSet()


def _renew_locks() -> None:
    for registry in list(_registries):
        registry.renew_lock()
    _embedders.renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


def _load_scorer(folder: Path, name: str, digest: str) -> ActiveScorer:
    scorer = TitleScorer.load(folder, digest)
    return ActiveScorer(scorer, name, _load_photo_part(folder, scorer) if PART_KEY in scorer.manifest else None)


def _load_photo_part(folder: Path, scorer: TitleScorer) -> PhotoPart | None:
    """Return what photos add to a model; titles alone are served where that cannot be read."""
    try:
        return load_part(folder, scorer)
    except ArtifactError:
        logger.exception("The photos of model version %s are not heard; its titles are.", folder.name)
        return None


class _Embedders:
    """The backbones that photo parts ask for, each opened once; one that cannot be opened is tried again after a while."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Drop what is opened, and what could not be."""
        self._lock = threading.Lock()
        self._opened: dict[tuple[str, str], Embedder] = {}
        self._until: dict[tuple[str, str], float] = {}

    def renew_lock(self) -> None:
        self._lock = threading.Lock()

    def get(self, part: PhotoPart) -> Embedder | None:
        key = part.backbone, part.backbone_digest
        with self._lock:
            if key not in self._opened and time.monotonic() >= self._until.get(key, 0.0):
                self._open(*key)
        return self._opened.get(key)

    def _open(self, name: str, digest: str) -> None:
        try:
            # Pillow and ONNX Runtime are extras: sites that only sort titles do without.
            from ad_autocategorize.item_photos.backbone import Embedder

            self._opened = {(name, digest): Embedder.load(plugin_settings.model_dir / name, digest)}
        except (ArtifactError, ImportError):
            self._until[name, digest] = time.monotonic() + LONGEST_PAUSE_SECONDS
            logger.exception("Photos are not heard: the backbone %s cannot be opened.", name)


_embedders = _Embedders()
# What turns photos into the embeddings that a photo part takes; ``None`` where it cannot be opened here.
embedder_of = _embedders.get


def _load_predictor(folder: Path, name: str, digest: str) -> PhotoPredictor:
    # Pillow and ONNX Runtime are extras: sites that only sort titles do without.
    from ad_autocategorize.photos.predictor import PhotoPredictor

    return PhotoPredictor.load(folder, digest)


# By source and language: a site has one as a rule.
_titles: dict[tuple[str, str], Registry[ActiveScorer]] = {}
_photos = Registry(ModelVersion.Kind.PHOTOS, _load_predictor)
active_predictor = _photos.active


def active_scorer(source: str = "", language: str = "") -> ActiveScorer | None:
    """Return the title model of a source and a language, or ``None`` where none is trained."""
    # Of two threads that make one at once the first one's is kept.
    found = _titles.get((source, language)) or _titles.setdefault(
        (source, language), Registry(ModelVersion.Kind.TITLES, _load_scorer, source, language)
    )
    return found.active()


def expire() -> None:
    """Ask the database at the next call."""
    _photos.expire()
    for registry in list(_titles.values()):
        registry.expire()


def forget() -> None:
    """Drop all that is cached."""
    _photos.forget()
    _embedders.forget()
    for registry in list(_titles.values()):
        registry.forget()
