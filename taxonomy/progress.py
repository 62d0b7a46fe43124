"""A line on the terminal that says how far a command has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

Progress = Callable[[int, int], None]


def show_progress(stream: TextIO, label: str) -> Progress:
    """Return a function of (done, total) that rewrites one line of ``stream``; it stays silent where that is no terminal."""
    if not stream.isatty():
        return no_progress

    def show(done: int, total: int) -> None:
        stream.write(f"\r{label}: {done} of {total}" + ("\n" if done >= total else ""))
        stream.flush()

    return show


def no_progress(done: int, total: int) -> None:
    """Show nothing."""
