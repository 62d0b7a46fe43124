"""Which model a process serves: looked up in the database, mapped from disk, swapped without a restart."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from ad_autocategorize.artifacts import ArtifactError
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.titles.scorer import TitleScorer

logger = logging.getLogger("ad_autocategorize")

# How long a process may go on with the version it has before it asks the database again.
CHECK_INTERVAL_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class ActiveScorer:
    """The title model in service and the name of its version."""

    scorer: TitleScorer
    version: str


class Registry:
    """One a process. A version whose files are missing or damaged is logged once, and the one before is kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Drop what is cached; the next call reads the database."""
        self._current: ActiveScorer | None = None
        self._refused: set[str] = set()
        self._checked_at = -CHECK_INTERVAL_SECONDS

    def expire(self) -> None:
        """Ask the database at the next call, keeping the scorer in memory."""
        self._checked_at = -CHECK_INTERVAL_SECONDS

    def active_scorer(self) -> ActiveScorer | None:
        """Return the model to serve, or ``None`` where none is trained. Costs one query every few seconds."""
        if time.monotonic() - self._checked_at < CHECK_INTERVAL_SECONDS:
            return self._current
        with self._lock:
            if time.monotonic() - self._checked_at >= CHECK_INTERVAL_SECONDS:
                self._refresh()
        return self._current

    def _refresh(self) -> None:
        name = ModelVersion.objects.filter(kind=ModelVersion.Kind.TITLES, is_active=True).values_list("name", flat=True)
        wanted = name.first()
        if wanted is None:
            self._current = None
        elif (self._current is None or self._current.version != wanted) and wanted not in self._refused:
            try:
                self._current = ActiveScorer(TitleScorer.load(plugin_settings.model_dir / wanted), wanted)
            except (ArtifactError, LookupError):
                self._refused.add(wanted)
                logger.exception("Model version %s cannot be served; the one before stays.", wanted)
        self._checked_at = time.monotonic()


_registry = Registry()
active_scorer = _registry.active_scorer
expire = _registry.expire
forget = _registry.forget
