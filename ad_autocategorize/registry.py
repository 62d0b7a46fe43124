"""Which model a process serves: looked up in the database, mapped from disk, swapped without a restart."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from ad_autocategorize.artifacts import ArtifactError
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.titles.scorer import TitleScorer

if TYPE_CHECKING:
    from ad_autocategorize.photos.predictor import PhotoPredictor

logger = logging.getLogger("ad_autocategorize")

# How long a process may go on with the version it has before it asks the database again.
CHECK_INTERVAL_SECONDS = 3.0


Served = TypeVar("Served")


@dataclass(frozen=True, slots=True)
class ActiveScorer:
    """The title model in service and the name of its version."""

    scorer: TitleScorer
    version: str


class Registry(Generic[Served]):
    """One a process and kind. A version whose files are missing or damaged is logged once, and the one before is kept."""

    def __init__(
        self, kind: ModelVersion.Kind, load: Callable[[Path, str], Served], source: str = "", language: str = ""
    ) -> None:
        self._which = {"kind": kind, "source": source, "language": language}
        self._load = load
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Drop what is cached; the next call reads the database."""
        self._current: tuple[str, Served] | None = None
        self._refused: set[str] = set()
        self._checked_at = -CHECK_INTERVAL_SECONDS

    def expire(self) -> None:
        """Ask the database at the next call, keeping the model in memory."""
        self._checked_at = -CHECK_INTERVAL_SECONDS

    def active(self) -> Served | None:
        """Return the model to serve, or ``None`` where none is trained. Costs one query every few seconds."""
        if time.monotonic() - self._checked_at < CHECK_INTERVAL_SECONDS:
            return self._current and self._current[1]
        with self._lock:
            if time.monotonic() - self._checked_at >= CHECK_INTERVAL_SECONDS:
                self._refresh()
        return self._current and self._current[1]

    def _refresh(self) -> None:
        name = ModelVersion.objects.filter(**self._which, is_active=True).values_list("name", flat=True)
        wanted = name.first()
        if wanted is None:
            self._current = None
        elif (self._current is None or self._current[0] != wanted) and wanted not in self._refused:
            try:
                self._current = wanted, self._load(plugin_settings.model_dir / wanted, wanted)
            except (ArtifactError, LookupError):
                self._refused.add(wanted)
                logger.exception("Model version %s cannot be served; the one before stays.", wanted)
        self._checked_at = time.monotonic()


def _load_predictor(folder: Path, name: str) -> PhotoPredictor:
    # Pillow and ONNX Runtime are extras: sites that only sort titles do without.
    from ad_autocategorize.photos.predictor import PhotoPredictor

    return PhotoPredictor.load(folder)


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


def _load_scorer(folder: Path, name: str) -> ActiveScorer:
    return ActiveScorer(TitleScorer.load(folder), name)


def expire() -> None:
    """Ask the database at the next call."""
    _photos.expire()
    for registry in list(_titles.values()):
        registry.expire()


def forget() -> None:
    """Drop all that is cached."""
    _photos.forget()
    for registry in list(_titles.values()):
        registry.forget()
