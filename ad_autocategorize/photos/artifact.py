"""A photo model on disk: an ONNX graph to serve, weights to go on training from, and a manifest with the digests of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ad_autocategorize.artifacts import MANIFEST_NAME, ArtifactError, read_file, read_manifest, write_files
from ad_autocategorize.photos.answers import Rules
from ad_autocategorize.photos.artifact_checks import check_photo_manifest
from ad_autocategorize.photos.preprocessing import Preprocessing
from ad_autocategorize.photos.vocabularies import Vocabularies

KIND = "photos"
WEIGHTS_NAME = "weights.safetensors"
# Another prefix than that of title models: their training, which may run at the same time, deletes what has its own prefix.
PARTIAL_PREFIX = ".partial-photos-"


@dataclass(frozen=True, slots=True)
class PhotoManifest:
    """A manifest that was checked. ``document`` is all of it, settings, metrics and version included."""

    vocabularies: Vocabularies
    rules: Rules
    preprocessing: Preprocessing
    document: dict[str, Any]


def write_photo_artifact(directory: Path, files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> str:
    """Write a model folder and return its digest, the SHA-256 of its manifest.

    For what it raises see ``artifacts.filled_folder``.
    """
    return write_files(directory, kind=KIND, files=files, manifest=manifest, prefix=PARTIAL_PREFIX)


def read_photo_manifest(directory: Path, digest: str = "") -> PhotoManifest:
    """Read and check a folder's manifest. Raises ``ArtifactError``.

    ``digest`` is the digest that the folder must have, if the caller knows it.
    """
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
    """Return the content of one of the folder's files. Raises ``ArtifactError`` if it is not what the manifest says."""
    return read_file(directory, name, manifest.document)
