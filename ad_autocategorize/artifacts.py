"""Model files on disk: a folder holding a JSON manifest and one safetensors file.

The manifest carries the SHA-256 of the tensors and its own format version, so a damaged, cut short or foreign folder is
refused before anything of it is used. The SHA-256 of the manifest itself is the folder's digest: whoever keeps that elsewhere,
as the database does, knows a folder that was exchanged. Tensors are memory-mapped: processes that serve the same version share
its pages. Nothing is ever unpickled.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import mmap
import os
import secrets
import shutil
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save_file

# The format of each kind; raised with every change of what its tensors mean.
FORMATS = {"titles": 4, "photos": 3, "item_photos": 1, "backbone": 1, "title_training": 1}
MANIFEST_NAME = "manifest.json"
TENSORS_NAME = "model.safetensors"
GRAPH_NAME = "model.onnx"
READABLE_FOLDER, READABLE_FILE = 0o755, 0o644
TEMPORARY_PREFIX = ".incomplete-"
# Bytes; a manifest lists a model's settings, results and names, a header its tensors.
LARGEST_MANIFEST = 64 * 1024 * 1024
LARGEST_HEADER = 1024 * 1024

Array = NDArray[Any]

# The names that the safetensors header uses for the element types written here.
_DTYPES = {
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "U8": "|u1",
    "U16": "<u2",
    "U32": "<u4",
    "I32": "<i4",
    "I64": "<i8",
}


class ArtifactError(ValueError):
    """A model folder that is missing, damaged, or not one of ours; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A verified model folder: ``manifest`` as written, ``tensors`` read-only and memory-mapped, and its digest."""

    manifest: dict[str, Any]
    tensors: dict[str, Array]
    digest: str


@contextmanager
def filled_folder(directory: Path, prefix: str) -> Iterator[Path]:
    """Give a temporary folder beside ``directory`` to fill and then make it ``directory``, which appears complete or not at all.

    Raises ``FileExistsError`` when ``directory`` exists, and ``OSError`` when it cannot be written.
    """
    if directory.exists():
        raise FileExistsError(f"{directory} exists already; a model version is never overwritten.")
    if not directory.parent.exists():
        directory.parent.mkdir(parents=True)
        directory.parent.chmod(READABLE_FOLDER)
    # Named before it is there: Ctrl-C may come at any moment, and nothing may be left then.
    temporary = directory.parent / f"{prefix}{secrets.token_hex(8)}"
    try:
        temporary.mkdir()
        yield temporary
        _let_others_read(temporary)
        temporary.rename(directory)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _let_others_read(folder: Path) -> None:
    """Make a folder and all in it readable whatever the umask, and whatever libraries write: web processes run as other users."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(READABLE_FOLDER if path.is_dir() else READABLE_FILE)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Raise ``OSError`` where the library that writes tensors has an error of its own, as for a full disk."""
    try:
        yield
    except SafetensorError as error:
        raise OSError(str(error)) from error


def save_tensors(tensors: Mapping[str, Array], path: Path) -> None:
    """Write a file of tensors that everybody may read. Raises ``OSError``."""
    with disk_errors():
        save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, path)
    # The library lets its owner alone read it, who need not be the web's user.
    path.chmod(READABLE_FILE)


def write_artifact(directory: Path, *, kind: str, tensors: Mapping[str, Array], manifest: Mapping[str, Any]) -> str:
    """Write a model folder and return its digest; for what it raises see ``filled_folder``."""
    with filled_folder(directory, TEMPORARY_PREFIX) as temporary:
        save_tensors(tensors, temporary / TENSORS_NAME)
        document = {**manifest, "format": FORMATS[kind], "kind": kind, "sha256": _sha256(temporary / TENSORS_NAME)}
        text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False).encode()
        (temporary / MANIFEST_NAME).write_bytes(text)
        (temporary / MANIFEST_NAME).chmod(READABLE_FILE)
        _sync_to_disk(temporary / TENSORS_NAME, temporary / MANIFEST_NAME)
    return hashlib.sha256(text).hexdigest()


def write_files(
    directory: Path, *, kind: str, files: Mapping[str, bytes], manifest: Mapping[str, Any], prefix: str
) -> str:
    """Write a model folder of files that are no tensors and return its digest; for the rest see ``filled_folder``."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    document = {**manifest, "format": FORMATS[kind], "kind": kind, "sha256": digests}
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False).encode()
    with filled_folder(directory, prefix) as temporary:
        for name, content in {**files, MANIFEST_NAME: text}.items():
            with (temporary / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
    return hashlib.sha256(text).hexdigest()


def folder_digest(directory: Path) -> str:
    """Return a model folder's digest. Raises ``OSError``."""
    return _sha256(directory / MANIFEST_NAME)


def read_file(directory: Path, name: str, manifest: Mapping[str, Any]) -> bytes:
    """Return the content of one of the files. Raises ``ArtifactError`` where it is not as ``write_files`` wrote it."""
    path = directory / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}); retrain to write a new version.") from error
    if hashlib.sha256(content).hexdigest() != manifest.get("sha256", {}).get(name):
        raise ArtifactError(f"{path} is damaged: its SHA-256 is not the manifest's. Restore it or retrain.")
    return content


def read_artifact(directory: Path, *, kind: str, digest: str = "", mapped: bool = True) -> Artifact:
    """Verify a model folder and map its tensors. Raises ``ArtifactError`` unless all of it is as it was written.

    ``digest`` is what ``write_artifact`` returned, where that is known. ``mapped`` is false for a folder that others may write to
    while it is served: it is read into memory then.
    """
    manifest = read_manifest(directory, kind=kind, digest=digest)
    path = directory / TENSORS_NAME
    buffer: mmap.mmap | bytes
    try:
        with path.open("rb") as file:
            buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if mapped else file.read()
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read ({error}); retrain to write a new version.") from error
    # Of what was mapped, not of what the path leads to by then.
    if hashlib.sha256(buffer).hexdigest() != manifest.get("sha256"):
        raise ArtifactError(f"{path} is damaged: its SHA-256 is not the manifest's. Restore it or retrain.")
    return Artifact(manifest, _map_tensors(path, buffer), digest or _sha256(directory / MANIFEST_NAME))


def read_manifest(directory: Path, *, kind: str, digest: str = "") -> dict[str, Any]:
    """Read a folder's manifest alone; ``digest`` is the folder's, where that is known.

    Raises ``ArtifactError`` when it is missing, unreadable, of another kind or another than that digest's.
    """
    path = directory / MANIFEST_NAME
    try:
        text = _read_at_most(path, LARGEST_MANIFEST)
        manifest = json.loads(text)
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}); retrain to write a new version.") from error
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is not valid JSON ({error}); restore it or retrain.") from error
    if digest and hashlib.sha256(text).hexdigest() != digest:
        raise ArtifactError(
            f"{path} is not the one that was recorded: the folder was exchanged. Restore it or retrain."
        )
    if not isinstance(manifest, dict) or manifest.get("kind") != kind:
        raise ArtifactError(f"{path} does not describe a model of kind {kind!r}.")
    if manifest.get("format") != FORMATS[kind]:
        raise ArtifactError(
            f"{path} has format {manifest.get('format')!r}; this release reads format {FORMATS[kind]}. Retrain."
        )
    return manifest


def pack_strings(strings: list[str]) -> Array:
    """Encode strings without line breaks as one UTF-8 tensor of bytes."""
    return np.frombuffer("\n".join(strings).encode(errors="surrogatepass"), dtype=np.uint8)


def unpack_strings(packed: Array) -> list[str]:
    """Decode what ``pack_strings`` encoded."""
    text = packed.tobytes().decode(errors="surrogatepass")
    return text.split("\n") if text else []


def _map_tensors(path: Path, buffer: mmap.mmap | bytes) -> dict[str, Array]:
    # safetensors' own NumPy reader copies each tensor; mapping the file keeps one copy for all processes.
    # The layout is eight bytes of header length, a JSON header, then the tensors' bytes:
    # https://github.com/huggingface/safetensors#format
    try:
        (header_length,) = struct.unpack("<Q", buffer[:8])
        if header_length > LARGEST_HEADER:
            raise ValueError(f"a header of {header_length} bytes")
        header = json.loads(buffer[8 : 8 + header_length])
        header.pop("__metadata__", None)
        tensors = {name: _tensor(buffer, 8 + header_length, entry) for name, entry in header.items()}
    except Exception as error:  # A header made to harm may raise anything; none of it is a model.
        raise ArtifactError(f"{path} is not a safetensors file that this release can read ({error}).") from error
    return tensors


def _tensor(buffer: mmap.mmap | bytes, first: int, entry: Mapping[str, Any]) -> Array:
    begin, end = entry["data_offsets"]
    shape = tuple(int(size) for size in entry["shape"])
    dtype = np.dtype(_DTYPES[entry["dtype"]])
    count = math.prod(shape)
    if min(shape, default=0) < 0 or not 0 <= begin <= end or end - begin != count * dtype.itemsize:
        raise ValueError(f"a tensor of shape {shape} between {begin} and {end}")
    # Each tensor is an array on the map itself: of a view of a larger array SciPy would make a copy.
    return np.frombuffer(buffer, dtype=dtype, count=count, offset=first + begin).reshape(shape)


def _read_at_most(path: Path, most: int) -> bytes:
    """Return a file's content. Raises ``OSError`` for what is no plain file, ``ValueError`` for a larger one."""
    if not path.is_file():
        # A pipe would be waited for without end.
        raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"larger than {most} bytes")
    return content


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_to_disk(*paths: Path) -> None:
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
