"""Model files as a process maps them: copies that nobody else writes to, of the folder that training has filled.

A file that is mapped and then cut short kills the process that reads it, and one that is overwritten in place changes what it
answers. The copies lie in a private folder of this machine, one for each digest, and all processes of a site share them. They
also serve a process that starts while ``MODEL_DIR`` is away.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ad_autocategorize.private_folder import private_folder

PURPOSE = "models"
# Copies that stay beside those in use: the versions that one may go back to, of a few models.
KEPT = 8
KEPT_SECONDS = 3600
_PARTIAL = ".incomplete-"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model's files can be read; ``is_private`` says that they are a copy, which may be mapped."""

    folder: Path
    is_private: bool


def private_copy(folder: Path, digest: str, names: Sequence[str], part: str = "") -> Place:
    """Return where to read a model's files: a private copy of ``folder``, made now if there is none yet.

    If no copy can be made, it is ``folder`` itself. Raises ``FileNotFoundError`` if that is missing too. The content is not
    checked here: the reader does, and calls ``discard`` for a copy that turns out to be damaged.

    Parameters
    ----------
    digest : the model's, of which there is one copy; without one, none is made.
    names : the files that are served.
    part : a folder within ``folder`` that may be there and holds files of the same names.
    """
    if not digest:
        return Place(folder, False)
    try:
        copies = private_folder(PURPOSE)
        copy = copies / f"{folder.name}-{digest[:16]}"
        if not copy.is_dir():
            _make(folder, copy, names, part)
            _prune(copies, copy)
        os.utime(copy)
    except OSError:
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is missing, and there is no copy of it.") from None
        # A read-only container, a full disk: it is read into memory instead.
        return Place(folder, False)
    return Place(copy, True)


def discard(place: Place) -> None:
    """Take a copy away, so that the next look makes it anew."""
    if place.is_private:
        shutil.rmtree(place.folder, ignore_errors=True)


def discard_versions(names: Collection[str]) -> None:
    """Take the copies of these versions on this machine away, as where what they learned is to be forgotten."""
    try:
        copies = list(private_folder(PURPOSE).iterdir())
    except OSError:
        # None can be made here.
        return
    for copy in copies:
        if copy.name.rpartition("-")[0] in names:
            shutil.rmtree(copy, ignore_errors=True)


def _make(folder: Path, copy: Path, names: Sequence[str], part: str) -> None:
    partial = copy.parent / f"{_PARTIAL}{secrets.token_hex(8)}"
    try:
        partial.mkdir()
        _fill(folder, partial, names)
        if part and (folder / part).is_dir():
            (partial / part).mkdir()
            _fill(folder / part, partial / part, names)
        try:
            partial.rename(copy)
        except OSError:
            # Another process was quicker.
            if not copy.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fill(folder: Path, copy: Path, names: Sequence[str]) -> None:
    for name in names:
        shutil.copyfile(folder / name, copy / name)


def _prune(copies: Path, newest: Path) -> None:
    """Delete the copies that were last asked for long ago; a process that has mapped one keeps it to its end."""
    others = [entry for entry in copies.iterdir() if entry != newest]
    last_used = {}
    for entry in others:
        try:
            last_used[entry] = entry.stat().st_mtime
        except FileNotFoundError:
            # Another process prunes as well.
            continue
    oldest_first = sorted(last_used, key=last_used.__getitem__)
    for entry in oldest_first[: max(0, len(oldest_first) - KEPT)]:
        if last_used[entry] < time.time() - KEPT_SECONDS:
            shutil.rmtree(entry, ignore_errors=True)
