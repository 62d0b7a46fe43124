"""Which model a process serves: looked up in the database, mapped from a private copy, swapped without a restart.

Whatever fails, the model in memory goes on answering: the database may be away, and files may be missing, damaged, or late.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.db import Error as DatabaseError
from django.db.models import Max

from ad_autocategorize.artifacts import GRAPH_NAME, MANIFEST_NAME, TENSORS_NAME, ArtifactError
from ad_autocategorize.item_photos.names import PART_FOLDER, PART_KEY
from ad_autocategorize.item_photos.scorer import PhotoPart, load_part
from ad_autocategorize.logs import log
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.private_copies import Place, discard, private_copy, whole_folder
from ad_autocategorize.titles.scorer import TitleScorer

if TYPE_CHECKING:
    from ad_autocategorize.item_photos.backbone import Embedder
    from ad_autocategorize.photos.predictor import PhotoPredictor

# How long a process may go on with the version it has before it asks the database again.
CHECK_INTERVAL_SECONDS = 3.0
# How long a request waits for a version to load before it goes on without. A web server kills workers that do not answer in 30 s.
LOAD_WAIT_SECONDS = 5.0
# Between the tries to load a version that could not be loaded: twice as long after each.
FIRST_PAUSE_SECONDS = 3.0
LONGEST_PAUSE_SECONDS = 300.0


Served = TypeVar("Served")
# Name and digest.
Version = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ActiveScorer:
    """The title model in service, the name of its version, and what photos add to it, where they do."""

    scorer: TitleScorer
    version: str
    photos: PhotoPart | None = None


@dataclass(frozen=True, slots=True)
class ServingState:
    """What a process serves of one kind, source and language, for whoever watches over it.

    Attributes
    ----------
    wanted, serving : names of the version that the database says is active, and of the one that answers; "" for none.
    problem : why they differ, or why the database could not be asked; "" where all is well.
    is_stale : whether the database could not be asked.
    """

    kind: str
    source: str
    language: str
    wanted: str = ""
    serving: str = ""
    problem: str = ""
    is_stale: bool = False


class Registry(Generic[Served]):
    """What a process serves of one kind of model, for one source and language.

    If the active version cannot be loaded, that is logged and the one in memory is kept. It is tried again, since files may
    arrive later than the row that names them: after some seconds at first, then less often. A process that has none in memory
    yet serves the newest version that has served before and can be loaded.
    """

    def __init__(
        self, kind: ModelVersion.Kind, load: Callable[[Place, Version], Served], source: str = "", language: str = ""
    ) -> None:
        self._kind, self._source, self._language = kind, source, language
        self._slot = {"kind": str(kind), "source": source, "language": language}
        self._load = load
        self.forget()
        _registries.add(self)

    def forget(self) -> None:
        """Drop what is cached; the next call reads the database."""
        self._lock = threading.Lock()
        self._current: tuple[Version, Served] | None = None
        self._refused = _Refused()
        self._loading: threading.Thread | None = None
        self._state = ServingState(str(self._kind), self._source, self._language)
        self._checked_at = -CHECK_INTERVAL_SECONDS

    def expire(self) -> None:
        """Ask the database at the next call, keeping the model in memory."""
        self._checked_at = -CHECK_INTERVAL_SECONDS

    def renew_lock(self) -> None:
        """Make a new lock: after a fork, the copied one may be held by a thread of the parent, which does not exist here."""
        self._lock = threading.Lock()

    def active(self) -> Served | None:
        """Return the model to serve, or ``None`` where none is trained. Costs one query every few seconds."""
        # One thread asks the database. The others wait for it only if there is no model in memory to go on with.
        if self._is_due() and self._lock.acquire(blocking=self._current is None):
            try:
                if self._is_due():
                    self._refresh()
            finally:
                self._lock.release()
        return None if self._current is None else self._current[1]

    def state(self) -> ServingState:
        """Return what is served, as of the last look."""
        return replace(self._state, serving="" if self._current is None else self._current[0][0])

    def _is_due(self) -> bool:
        return time.monotonic() - self._checked_at >= CHECK_INTERVAL_SECONDS

    def _refresh(self) -> None:
        try:
            versions = self._versions()
        except DatabaseError as error:
            if not self._state.is_stale:
                message = "The database cannot be asked for the model in service (%s); the one in memory stays."
                log(logging.ERROR, "database_away", message, error, **self._slot)
            self._state = replace(self._state, problem=f"The database cannot be asked: {error}", is_stale=True)
        else:
            wanted = versions[0] if versions else None
            self._state = replace(self._state, wanted=wanted[0] if wanted else "", problem="", is_stale=False)
            self._follow(versions)
        self._checked_at = time.monotonic()

    def _versions(self) -> list[Version]:
        """Return the active version and, if no model is in memory, those to fall back to; [] if none is active."""
        recorded = ModelVersion.objects.filter(kind=self._kind, source=self._source, language=self._language)
        active = recorded.filter(is_active=True).values_list("name", "digest").first()
        if active is None or (self._current is not None and self._current[0] == active):
            return [] if active is None else [active]
        if self._current is not None:
            return [active]
        # Those that have served once: what was trained and never approved of is not served.
        earlier = recorded.filter(is_active=False, activated_at__isnull=False)
        earlier = earlier.annotate(turn=Max("activations")).order_by("-turn")
        return [active, *earlier.values_list("name", "digest")]

    def _follow(self, versions: list[Version]) -> None:
        """Serve the first of the versions; load it unless it is served already."""
        if not versions:
            self._current = None
        elif self._current is not None and self._current[0] == versions[0]:
            return
        elif self._refused.holds(versions[0]):
            self._state = replace(self._state, problem=self._refused.error)
        else:
            self._load_beside(versions)

    def _load_beside(self, versions: list[Version]) -> None:
        """Load in a thread of its own, and wait for it a while: on slow storage the process goes on answering meanwhile."""
        if self._loading is None or not self._loading.is_alive():
            self._loading = threading.Thread(target=self._load_first, args=(versions,), daemon=True)
            self._loading.start()
        self._loading.join(LOAD_WAIT_SECONDS)
        if self._loading.is_alive():
            self._state = replace(self._state, problem=f"{versions[0][0]} is being loaded.")

    def _load_first(self, versions: list[Version]) -> None:
        """Load the first of the versions that can be loaded."""
        wanted = versions[0]
        for version in versions:
            began = time.monotonic()
            try:
                self._current = version, self._load_from_copy(version)
            except Exception as error:  # Whatever a folder holds, another version goes on.
                self._refuse(version, error, is_wanted=version is wanted)
            else:
                self._tell(version[0], wanted[0], time.monotonic() - began)
                return

    def _tell(self, serving: str, wanted: str, seconds: float) -> None:
        fields: dict[str, Any] = {**self._slot, "version": serving, "seconds": round(seconds, 3)}
        if serving == wanted:
            log(logging.INFO, "version_loaded", "Model version %s is served.", serving, **fields)
        else:
            message = "Model version %s is served in place of %s."
            log(logging.ERROR, "version_replaced", message, serving, wanted, wanted=wanted, **fields)

    def _load_from_copy(self, version: Version) -> Served:
        name, digest = version
        place = private_copy(name, digest, SERVED_FILES[self._kind], PART_FOLDER)
        try:
            return self._load(place, version)
        except Exception:
            discard(place)
            raise

    def _refuse(self, version: Version, error: Exception, *, is_wanted: bool) -> None:
        if is_wanted:
            is_news = self._refused.add(version, error)
            self._state = replace(self._state, problem=f"{version[0]}: {error}")
            if is_news:
                message = "Model version %s cannot be served; the one before stays."
                fields = {**self._slot, "version": version[0]}
                log(logging.ERROR, "version_failed", message, version[0], exc_info=True, **fields)
        else:
            message = "Model version %s cannot be served either: %s"
            log(logging.ERROR, "version_failed", message, version[0], error, **self._slot, version=version[0])


class _Refused:
    """The version that could not be loaded, and when it is worth another try."""

    def __init__(self) -> None:
        self.error = ""
        self._version: Version | None = None
        self._pause = 0.0
        self._until = 0.0

    def holds(self, version: Version) -> bool:
        """Return whether this version is not to be tried now."""
        return version == self._version and time.monotonic() < self._until

    def add(self, version: Version, error: Exception) -> bool:
        """Note a failure, and return whether it is news."""
        said = f"{version[0]}: {error}"
        known = version == self._version and said == self.error
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS) if version == self._version else FIRST_PAUSE_SECONDS
        self._version, self.error, self._until = version, said, time.monotonic() + self._pause
        return not known


_registries: weakref.WeakSet[Registry[Any]] = weakref.WeakSet()


def _renew_locks() -> None:
    for registry in list(_registries):
        registry.renew_lock()
    _embedders.renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


# What a web process reads of each kind's folder; weights to train on from stay where they are.
SERVED_FILES = {
    ModelVersion.Kind.TITLES: (MANIFEST_NAME, TENSORS_NAME),
    ModelVersion.Kind.PHOTOS: (MANIFEST_NAME, GRAPH_NAME),
}


def _load_scorer(place: Place, version: Version) -> ActiveScorer:
    name, digest = version
    scorer = TitleScorer.load(place.folder, digest, mapped=place.is_private)
    photos = _load_photo_part(place.folder, scorer) if PART_KEY in scorer.manifest else None
    return ActiveScorer(scorer, name, photos)


def _load_photo_part(folder: Path, scorer: TitleScorer) -> PhotoPart | None:
    """Return what photos add to a model; titles alone are served where that cannot be read."""
    try:
        return load_part(folder, scorer)
    except ArtifactError:
        message = "The photos of model version %s are not heard; its titles are."
        log(logging.ERROR, "photos_failed", message, folder.name, exc_info=True, version=folder.name)
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

            self._opened = {(name, digest): Embedder.load(whole_folder(name), digest)}
        except (ArtifactError, ImportError, OSError):
            self._until[name, digest] = time.monotonic() + LONGEST_PAUSE_SECONDS
            message = "Photos are not heard: the backbone %s cannot be opened."
            log(logging.ERROR, "photos_failed", message, name, exc_info=True, version=name)


_embedders = _Embedders()
# What turns photos into the embeddings that a photo part takes; ``None`` where it cannot be opened here.
embedder_of = _embedders.get


def _load_predictor(place: Place, version: Version) -> PhotoPredictor:
    # Pillow and ONNX Runtime are extras: sites that only sort titles do without.
    from ad_autocategorize.photos.predictor import PhotoPredictor

    return PhotoPredictor.load(place.folder, version[1])


# By source and language: a site has one as a rule.
_titles: dict[tuple[str, str], Registry[ActiveScorer]] = {}
_photos = Registry(ModelVersion.Kind.PHOTOS, _load_predictor)
active_predictor = _photos.active
predictor_state = _photos.state


def active_scorer(source: str = "", language: str = "") -> ActiveScorer | None:
    """Return the title model of a source and a language, or ``None`` where none is trained."""
    return _of_titles(source, language).active()


def scorer_state(source: str = "", language: str = "") -> ServingState:
    """Return what this process serves for the titles of a source and a language."""
    return _of_titles(source, language).state()


def _of_titles(source: str, language: str) -> Registry[ActiveScorer]:
    # Of two threads that make one at once the first one's is kept.
    return _titles.get((source, language)) or _titles.setdefault(
        (source, language), Registry(ModelVersion.Kind.TITLES, _load_scorer, source, language)
    )


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
