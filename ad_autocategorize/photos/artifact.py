"""A photo model on disk: an ONNX graph to serve, weights to continue training from, and a manifest that vouches for both."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ad_autocategorize.artifacts import (
    FORMATS,
    MANIFEST_NAME,
    ArtifactError,
    filled_folder,
    read_manifest,
)
from ad_autocategorize.photos.answers import Rules
from ad_autocategorize.photos.artifact_checks import check_photo_manifest
from ad_autocategorize.photos.preprocessing import Preprocessing
from ad_autocategorize.photos.vocabularies import Vocabularies

KIND = "photos"
WEIGHTS_NAME = "weights.safetensors"
# Not the prefix of title models: their training sweeps its own remains, while this one may be writing.
PARTIAL_PREFIX = ".partial-photos-"


@dataclass(frozen=True, slots=True)
class PhotoManifest:
    """What a verified manifest says. ``document`` holds the rest: settings, metrics, version."""

    vocabularies: Vocabularies
    rules: Rules
    preprocessing: Preprocessing
    document: dict[str, Any]


def write_photo_artifact(directory: Path, files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> str:
    """Write a model folder and return its digest, the SHA-256 of its manifest.

    For what it raises see ``artifacts.filled_folder``.
    """
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    document = {**manifest, "format": FORMATS[KIND], "kind": KIND, "sha256": digests}
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False).encode()
    with filled_folder(directory, PARTIAL_PREFIX) as temporary:
        for name, content in {**files, MANIFEST_NAME: text}.items():
            with (temporary / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
    return hashlib.sha256(text).hexdigest()


def read_photo_manifest(directory: Path, digest: str = "") -> PhotoManifest:
    """Read and check a folder's manifest; ``digest`` is the folder's, where that is known. Raises ``ArtifactError``."""
    document = read_manifest(directory, kind=KIND, digest=digest)
    try:
        manifest = PhotoManifest(
            Vocabularies.from_dict(document["vocabularies"]),
            Rules.from_dict(document["rules"]),
            Preprocessing.from_dict(document["preprocessing"]),
            document,
        )
        check_photo_manifest(manifest.vocabularies, manifest.rules, manifest.preprocessing)
    except Exception as error:  # A manifest made to harm may raise anything; none of it is a model.
        raise ArtifactError(
            f"{directory / MANIFEST_NAME} lacks what a photo model needs ({error!r}). Retrain."
        ) from error
    return manifest


def read_verified(directory: Path, name: str, manifest: PhotoManifest) -> bytes:
    """Return the content of one of the folder's files. Raises ``ArtifactError`` where it is not as it was written."""
    path = directory / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}); retrain to write a new version.") from error
    if hashlib.sha256(content).hexdigest() != manifest.document.get("sha256", {}).get(name):
        raise ArtifactError(f"{path} is damaged: its SHA-256 is not the manifest's. Restore it or retrain.")
    return content
