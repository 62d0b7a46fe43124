"""Where the files of versions lie: in ``MODEL_DIR``, or in the storage of Django's ``STORAGES`` that ``MODEL_STORAGE`` names.

Of a storage nothing is asked but to open, save, list and delete: an object store has no paths. Training writes a folder of
``MODEL_DIR`` as ever and puts it there, the manifest last; whoever needs files copies them from there. What training keeps for
itself (locks, checkpoints, embeddings) stays in ``MODEL_DIR``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from ad_autocategorize.artifacts import MANIFEST_NAME, TEMPORARY_PREFIX, filled_folder
from ad_autocategorize.conf import plugin_settings


class StorageError(OSError):
    """The storage of models is away, or refuses; the message says which and why."""


def is_elsewhere() -> bool:
    """Return whether versions lie in a storage of the host's, not in ``MODEL_DIR`` itself."""
    return bool(plugin_settings.MODEL_STORAGE)


def put(name: str) -> None:
    """Put a folder of ``MODEL_DIR`` into the storage, its manifest last; it is there already where there is none.

    Raises ``OSError``. What was put until then has no manifest, and no record: the next training sweeps it.
    """
    if not is_elsewhere():
        return
    folder = plugin_settings.model_dir / name
    files = [path for path in folder.rglob("*") if path.is_file()]
    files.sort(key=lambda path: path == folder / MANIFEST_NAME)
    with _storage() as storage:
        for path in files:
            key = path.relative_to(plugin_settings.model_dir).as_posix()
            with path.open("rb") as file:
                saved = storage.save(key, File(file))
            if saved != key:
                storage.delete(saved)
                raise StorageError(
                    f"The storage of models has a file {key} already; a model version is never overwritten."
                )


def remove(name: str) -> None:
    """Delete the files of a version, wherever they lie. Raises ``StorageError`` where the storage does not let go of them."""
    shutil.rmtree(plugin_settings.model_dir / name, ignore_errors=True)
    if is_elsewhere():
        with _storage() as storage:
            _delete(storage, name)


def stored_names(prefixes: tuple[str, ...]) -> list[str]:
    """Return the names of folders in the storage that begin so, none where there is none. Raises ``OSError``."""
    if not is_elsewhere():
        return []
    with _storage() as storage:
        return [name for name in _listed(storage, "")[0] if name.startswith(prefixes)]


def copy_files(name: str, target: Path, files: Sequence[str], part: str = "") -> None:
    """Copy some of a version's files into the folder ``target``, and those of a part within it that may be there.

    Raises ``FileNotFoundError`` for one that is missing, ``OSError``.
    """
    with _storage() as storage:
        for file in files:
            _copy(storage, f"{name}/{file}", target / file)
        if part and storage.exists(f"{name}/{part}/{files[0]}"):
            (target / part).mkdir()
            for file in files:
                _copy(storage, f"{name}/{part}/{file}", target / part / file)


def copy_folder(name: str, target: Path) -> None:
    """Copy all files of a version into the folder ``target``. Raises ``FileNotFoundError`` where there are none, ``OSError``."""
    with _storage() as storage:
        if not storage.exists(f"{name}/{MANIFEST_NAME}"):
            raise FileNotFoundError(f"{name} is not in the storage of models.")
        for key in _keys(storage, name):
            path = target / Path(key).relative_to(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            _copy(storage, key, path)


def bring(prefix: str) -> None:
    """Copy the folders that other machines have put into the storage into ``MODEL_DIR``, by their names. Raises ``OSError``."""
    for name in stored_names((prefix,)):
        folder = plugin_settings.model_dir / name
        if not folder.exists():
            with filled_folder(folder, TEMPORARY_PREFIX) as partial:
                copy_folder(name, partial)


@contextmanager
def _storage() -> Iterator[Storage]:
    """Give the storage; whatever it raises becomes an ``OSError``, as a disk's faults are."""
    alias = plugin_settings.MODEL_STORAGE
    try:
        yield storages[alias] if alias else FileSystemStorage(location=plugin_settings.model_dir)
    except OSError:
        raise
    except Exception as error:  # Each storage has errors of its own.
        raise StorageError(f"The storage {alias!r} of models fails: {error}") from error


def _listed(storage: Storage, folder: str) -> tuple[list[str], list[str]]:
    """Return the folders and files of a folder, none of one that is not there."""
    try:
        return storage.listdir(folder)
    except FileNotFoundError:
        return [], []


def _keys(storage: Storage, folder: str) -> Iterator[str]:
    folders, files = _listed(storage, folder)
    for file in files:
        yield f"{folder}/{file}"
    for inner in folders:
        yield from _keys(storage, f"{folder}/{inner}")


def _copy(storage: Storage, key: str, path: Path) -> None:
    with storage.open(key, "rb") as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)


def _delete(storage: Storage, folder: str) -> None:
    """Delete a folder, its manifest first: without it nobody takes the rest for a version."""
    folders, files = _listed(storage, folder)
    for file in sorted(files, key=lambda name: name != MANIFEST_NAME):
        storage.delete(f"{folder}/{file}")
    for inner in folders:
        _delete(storage, f"{folder}/{inner}")
    # Where folders are no more than a part of the files' names this does nothing.
    storage.delete(folder)
