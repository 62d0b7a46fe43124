"""The log of a training, which is kept with its version."""

from __future__ import annotations

import time
from collections.abc import Callable

from ad_autocategorize.models import ModelVersion

# Characters; of a longer log the beginning is cut off.
LONGEST = 20_000

Progress = Callable[[str, int, int], None]


class TrainingLog:
    """The lines of a training's log: what the command printed, and when each stage began."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._lines: list[str] = []
        self._stage = ""

    @property
    def seconds(self) -> float:
        """The time since the training began."""
        return round(time.monotonic() - self._started, 1)

    def add(self, line: str) -> None:
        """Note a line."""
        self._lines.append(line)

    def watch(self, progress: Progress) -> Progress:
        """Return a progress callback that adds a line for each new stage, and calls ``progress``."""

        def watched(stage: str, done: int, total: int) -> None:
            if stage != self._stage:
                self._stage = stage
                self.add(f"{time.monotonic() - self._started:8.1f} s  {stage}")
            progress(stage, done, total)

        return watched

    def keep(self, version: ModelVersion) -> None:
        """Save the lines with the version."""
        text = "\n".join(self._lines)
        version.log = text if len(text) <= LONGEST else "…\n" + text[-LONGEST:].partition("\n")[2]
        version.save(update_fields=["log"])
