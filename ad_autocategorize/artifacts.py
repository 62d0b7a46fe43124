"""Model files on disk: a folder holding a JSON manifest and one safetensors file.

The manifest carries the SHA-256 of the tensors and its own format version, so a damaged, cut short or foreign folder is
refused before anything of it is used. Tensors are memory-mapped: processes that serve the same version share its pages.
Nothing is ever unpickled.
"""

from __future__ import annotations

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
from safetensors.numpy import save_file

# The format of each kind; raised with every change of what its tensors mean.
FORMATS = {"titles": 4, "photos": 3}
MANIFEST_NAME = "manifest.json"
TENSORS_NAME = "model.safetensors"
TEMPORARY_PREFIX = ".incomplete-"

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
    """A verified model folder: ``manifest`` as written, ``tensors`` read-only and memory-mapped."""

    manifest: dict[str, Any]
    tensors: dict[str, Array]


@contextmanager
def filled_folder(directory: Path, prefix: str) -> Iterator[Path]:
    """Give a temporary folder beside ``directory`` to fill and then make it ``directory``, which appears complete or not at all.

    Raises ``FileExistsError`` when ``directory`` exists, and ``OSError`` when it cannot be written.
    """
    if directory.exists():
        raise FileExistsError(f"{directory} exists already; a model version is never overwritten.")
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Named before it is there: Ctrl-C may come at any moment, and nothing may be left then.
    temporary = directory.parent / f"{prefix}{secrets.token_hex(8)}"
    try:
        temporary.mkdir()
        yield temporary
        # Whatever the umask: web processes may run as another user of the group.
        temporary.chmod(0o755)
        temporary.rename(directory)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def write_artifact(directory: Path, *, kind: str, tensors: Mapping[str, Array], manifest: Mapping[str, Any]) -> str:
    """Write a model folder and return its digest; for what it raises see ``filled_folder``."""
    with filled_folder(directory, TEMPORARY_PREFIX) as temporary:
        save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, temporary / TENSORS_NAME)
        digest = _sha256(temporary / TENSORS_NAME)
        document = {**manifest, "format": FORMATS[kind], "kind": kind, "sha256": digest}
        text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
        (temporary / MANIFEST_NAME).write_text(text, encoding="utf-8")
        _sync_to_disk(temporary / TENSORS_NAME, temporary / MANIFEST_NAME)
    return digest


def read_artifact(directory: Path, *, kind: str) -> Artifact:
    """Verify a model folder and map its tensors. Raises ``ArtifactError`` unless all of it is as it was written."""
    manifest = read_manifest(directory, kind=kind)
    path = directory / TENSORS_NAME
    try:
        digest = _sha256(path)
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}); retrain to write a new version.") from error
    if digest != manifest.get("sha256"):
        raise ArtifactError(f"{path} is damaged: its SHA-256 is not the manifest's. Restore it or retrain.")
    return Artifact(manifest, _map_tensors(path))


def read_manifest(directory: Path, *, kind: str) -> dict[str, Any]:
    """Read a folder's manifest alone. Raises ``ArtifactError`` when it is missing, unreadable or of another kind."""
    path = directory / MANIFEST_NAME
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}); retrain to write a new version.") from error
    except ValueError as error:
        raise ArtifactError(f"{path} is not valid JSON ({error}); restore it or retrain.") from error
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


def _map_tensors(path: Path) -> dict[str, Array]:
    # safetensors' own NumPy reader copies each tensor; mapping the file keeps one copy for all processes.
    # The layout is eight bytes of header length, a JSON header, then the tensors' bytes:
    # https://github.com/huggingface/safetensors#format
    try:
        with path.open("rb") as file:
            buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        (header_length,) = struct.unpack("<Q", buffer[:8])
        header = json.loads(buffer[8 : 8 + header_length])
        header.pop("__metadata__", None)
        tensors = {}
        for name, entry in header.items():
            start, shape = 8 + header_length + entry["data_offsets"][0], entry["shape"]
            # Each tensor is an array on the map itself: of a view of a larger array SciPy would make a copy.
            flat = np.frombuffer(buffer, dtype=_DTYPES[entry["dtype"]], count=math.prod(shape), offset=start)
            tensors[name] = flat.reshape(shape)
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{path} is not a safetensors file that this release can read ({error}).") from error
    return tensors


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_to_disk(*paths: Path) -> None:
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
