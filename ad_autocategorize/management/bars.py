"""Progress of long commands: a bar for each stage on a terminal, lines in a log."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from types import TracebackType
from typing import Any, TypeVar

from django.core.management.base import OutputWrapper

Item = TypeVar("Item")
# Seconds between two lines about one stage in a log.
LINE_EVERY = 10.0


class StageBars:
    """Called with (stage, done, total); a total of 0 is not known. A context manager, so that the last bar is closed.

    It says at once what begins: whoever looks at the terminal, or follows the log, sees that something runs. With a
    ``verbosity`` of 0 it is silent.
    """

    def __init__(self, stream: OutputWrapper, begins: str, verbosity: int = 1) -> None:
        self._stream = stream
        self._begins = begins
        self._is_silent = verbosity < 1
        self._on_terminal = stream.isatty()
        self._start = time.monotonic()
        self._said = 0.0
        self._stage = ""
        self._bar: Any = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self._is_silent:
            return
        if self._on_terminal:
            self._draw(stage, done, total)
        else:
            self._log(stage, done, total)

    def over(self, stage: str, items: Collection[Item]) -> Iterator[Item]:
        """Yield the items, and tell after each how many there were."""
        for number, item in enumerate(items, start=1):
            yield item
            self(stage, number, len(items))

    def __enter__(self) -> StageBars:
        if not self._is_silent:
            self._write(self._begins)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def _draw(self, stage: str, done: int, total: int) -> None:
        from tqdm import tqdm

        if stage != self._stage:
            self._close()
            self._stage, self._bar = stage, tqdm(desc=stage, total=total or None)
        self._bar.update(done - self._bar.n)

    def _log(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        is_first, is_last = stage != self._stage, bool(total) and done >= total
        if is_first or is_last or now - self._said >= LINE_EVERY:
            self._stage, self._said = stage, now
            self._write(f"{stage}: {done} of {total}" if total else f"{stage}: {done}")

    def _write(self, text: str) -> None:
        # What goes to stderr is printed as an error unless another style is given.
        self._stream.write(f"{time.monotonic() - self._start:6.0f} s  {text}", style_func=str)
        self._stream.flush()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
