"""A frozen, general-purpose backbone on disk, and the embeddings of photos that ONNX Runtime computes with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ad_autocategorize.artifacts import (
    MANIFEST_NAME,
    ArtifactError,
    folder_digest,
    read_file,
    read_manifest,
    write_files,
)
from ad_autocategorize.item_photos.names import BACKBONE_PREFIX
from ad_autocategorize.photos.preprocessing import Preprocessing
from ad_autocategorize.photos.sessions import GraphSession, run_graph

KIND = "backbone"
GRAPH_NAME = "backbone.onnx"
# The graph's only output.
OUTPUT = "embeddings"
PARTIAL_PREFIX = ".partial-backbone-"
# The longest side of the input in pixels, and the most numbers in an embedding: larger ones would take gigabytes.
_LARGEST_SIDE = 2_048
_LARGEST_WIDTH = 16_384


class Embedder(GraphSession):
    """Turns photos into embeddings; safe to share between threads, and to be inherited by a forked process.

    Attributes
    ----------
    name : the name of its folder. No other backbone has it, so that embeddings of two backbones are never mixed.
    digest : the digest of the folder.
    width : how many numbers an embedding has.
    """

    def __init__(self, graph: bytes, preprocessing: Preprocessing, name: str, digest: str) -> None:
        if max(preprocessing.height, preprocessing.width) > _LARGEST_SIDE:
            raise ValueError(f"an input of {preprocessing.height} x {preprocessing.width} pixels")
        super().__init__(graph)
        self.preprocessing = preprocessing
        self.name, self.digest = name, digest
        self.width = _width(self._session)

    @classmethod
    def load(cls, directory: Path, digest: str = "") -> Embedder:
        """Check a backbone's folder and load it. Raises ``ArtifactError``.

        ``digest`` is the digest that the folder must have, if the caller knows it.
        """
        document = read_manifest(directory, kind=KIND, digest=digest)
        graph = read_file(directory, GRAPH_NAME, document)
        try:
            preprocessing = Preprocessing.from_dict(document["preprocessing"])
            return cls(graph, preprocessing, directory.name, digest or folder_digest(directory))
        except Exception as error:  # ONNX Runtime raises a dozen types of its own, and so may a manifest made to harm.
            raise ArtifactError(
                f"{directory / GRAPH_NAME} cannot be run ({error}); write it anew with export_backbone."
            ) from error

    def embed(self, photos: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return the embeddings of photos of any mode and size, float32[photos, width]."""
        if not photos:
            return np.zeros((0, self.width), np.float32)
        pixels = np.stack([self.preprocessing.resize(photo) for photo in photos])
        answer = run_graph(self._own_session(), self.preprocessing.normalize(pixels))
        return np.asarray(answer[OUTPUT], dtype=np.float32)


def write_backbone(
    directory: Path, name: str, graph: bytes, preprocessing: Preprocessing, origin: Mapping[str, Any]
) -> Path:
    """Write a backbone into a folder of its own in ``directory``, unless the same one is there already; return the folder.

    ``name`` becomes part of the folder's name; ``origin`` says where the weights come from. Raises ``OSError``, and
    ``ValueError`` for a graph that does not return embeddings.
    """
    _width(GraphSession(graph)._session)
    same = hashlib.sha256(graph + json.dumps(preprocessing.to_dict(), sort_keys=True).encode()).hexdigest()
    folder = directory / f"{BACKBONE_PREFIX}{name}-{same[:12]}"
    if not folder.exists():
        manifest = {"preprocessing": preprocessing.to_dict(), "origin": dict(origin)}
        write_files(folder, kind=KIND, files={GRAPH_NAME: graph}, manifest=manifest, prefix=PARTIAL_PREFIX)
    return folder


def newest_backbone(directory: Path) -> Path | None:
    """Return the folder of the backbone that was last written into ``directory``, ``None`` if there is none."""
    found = [entry for entry in directory.glob(f"{BACKBONE_PREFIX}*") if (entry / MANIFEST_NAME).is_file()]
    return max(found, key=lambda entry: ((entry / MANIFEST_NAME).stat().st_mtime_ns, entry.name), default=None)


def _width(session: Any) -> int:
    """Return how many numbers an embedding has. Raises ``ValueError`` for a graph with other inputs or outputs."""
    outputs = session.get_outputs()
    if len(session.get_inputs()) != 1 or [output.name for output in outputs] != [OUTPUT]:
        raise ValueError(f"not one input, and one output named {OUTPUT}")
    width = outputs[0].shape[-1]
    if len(outputs[0].shape) != 2 or not isinstance(width, int) or not 0 < width <= _LARGEST_WIDTH:
        raise ValueError(f"embeddings of shape {outputs[0].shape}")
    return width
