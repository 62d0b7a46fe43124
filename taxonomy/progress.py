"""What an import says on the terminal: how far it has come, and what deserves a look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TextIO

from django.core.management.base import OutputWrapper

NOTES_SHOWN = 20
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


def show_notes(stream: OutputWrapper, notes: Sequence[str]) -> None:
    """Write the first notes, one per line, and how many more there are."""
    for note in notes[:NOTES_SHOWN]:
        stream.write(note)
    if len(notes) > NOTES_SHOWN:
        stream.write(f"And {len(notes) - NOTES_SHOWN} more of this kind.")
