"""Progress of long commands: a bar for each stage on a terminal, silence elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from django.core.management.base import OutputWrapper


class StageBars:
    """Called with (stage, done, total); a total of 0 is not known. A context manager, so that the last bar is closed."""

    def __init__(self, stream: OutputWrapper) -> None:
        self._show = stream.isatty()
        self._stage = ""
        self._bar: Any = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        if not self._show:
            return
        from tqdm import tqdm

        if stage != self._stage:
            self._close()
            self._stage, self._bar = stage, tqdm(desc=stage, total=total or None)
        self._bar.update(done - self._bar.n)

    def __enter__(self) -> StageBars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
