"""Model files as a process maps them: copies that nobody else writes to, of what training has written.

A file that is mapped and then cut short kills the process that reads it, and one that is overwritten in place changes what it
answers. The copies lie in a private folder of this machine, one for each digest, and all processes of a site share them. They
also serve a process that starts while ``MODEL_DIR``, or the storage in its place, is away.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ad_autocategorize import model_storage
from ad_autocategorize.conf import plugin_settings
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


def private_copy(version: str, digest: str, names: Sequence[str], part: str = "") -> Place:
    """Return where to read a version's files: the private copy that is served, made now if there is none yet.

    If no copy can be made, it is the version's own folder. Raises ``OSError`` if that is missing too. The content is not
    checked here: the reader does, and calls ``discard`` for a copy that turns out to be damaged.

    Parameters
    ----------
    digest : the model's, of which there is one copy; without one, none is made.
    names : the files that are served.
    part : a folder within the version's that may be there and holds files of the same names.
    """
    folder = plugin_settings.model_dir / version
    if not digest:
        return Place(folder, False)
    try:
        copies = private_folder(PURPOSE)
        copy = copies / f"{version}-{digest[:16]}"
        if not copy.is_dir():
            _make(copy, lambda partial: model_storage.copy_files(version, partial, names, part))
        os.utime(copy)
    except OSError:
        if folder.is_dir():
            # A read-only container, a full disk: it is read into memory instead.
            return Place(folder, False)
        if model_storage.is_elsewhere():
            raise
        raise FileNotFoundError(f"{folder} is missing, and there is no copy of it.") from None
    return Place(copy, True)


def whole_folder(version: str) -> Path:
    """Return the folder with all files of a version, those included that only training and comparison need.

    It lies in ``MODEL_DIR``, whether it is there or not, unless another machine has trained the version and put it into a
    storage: it is a private copy then. Raises ``OSError`` where the storage cannot be read.
    """
    folder = plugin_settings.model_dir / version
    if folder.is_dir() or not model_storage.is_elsewhere():
        return folder
    copy = private_folder(PURPOSE) / version
    if not copy.is_dir():
        try:
            _make(copy, lambda partial: model_storage.copy_folder(version, partial))
        except FileNotFoundError:
            return folder
    os.utime(copy)
    return copy


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
        if copy.name in names or copy.name.rpartition("-")[0] in names:
            shutil.rmtree(copy, ignore_errors=True)


def _make(copy: Path, fill: Callable[[Path], None]) -> None:
    partial = copy.parent / f"{_PARTIAL}{secrets.token_hex(8)}"
    try:
        partial.mkdir()
        fill(partial)
        try:
            partial.rename(copy)
        except OSError:
            # Another process was quicker.
            if not copy.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _prune(copy.parent, copy)


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
