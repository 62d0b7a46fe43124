"""Serving: photos in, a ``CarAnswer`` out, with ONNX Runtime, NumPy and Pillow alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ad_autocategorize.artifacts import ArtifactError
from ad_autocategorize.photos.answers import NO_CAR, CarAnswer, answer_car
from ad_autocategorize.photos.artifact import GRAPH_NAME, PhotoManifest, read_photo_manifest, read_verified
from ad_autocategorize.photos.vocabularies import Pair

# Photos of one ad that are looked at; the first ones are those that sellers choose with most care.
MOST_PHOTOS = 12


class PhotoPredictor:
    """A loaded photo model; safe to share between threads."""

    def __init__(self, manifest: PhotoManifest, graph: bytes) -> None:
        self.manifest = manifest
        self._session = open_session(graph)

    @classmethod
    def load(cls, directory: Path) -> PhotoPredictor:
        """Verify a model folder and open it. Raises ``ArtifactError``."""
        manifest = read_photo_manifest(directory)
        graph = read_verified(directory, GRAPH_NAME, manifest)
        try:
            return cls(manifest, graph)
        except Exception as error:  # ONNX Runtime raises a dozen types of its own.
            raise ArtifactError(f"{directory / GRAPH_NAME} cannot be run: {error}") from error

    @property
    def version(self) -> str:
        """The name that the model was written under."""
        return str(self.manifest.document.get("version", ""))

    def logits(self, photos: Sequence[Image.Image]) -> dict[str, NDArray[np.float32]]:
        """Return the raw outputs for photos, by head, float32[photos, classes]."""
        prepare = self.manifest.preprocessing
        pixels = np.stack([prepare.resize(photo) for photo in photos])
        return run_graph(self._session, prepare.normalize(pixels))

    def predict(
        self,
        photos: Sequence[Image.Image],
        *,
        table: Iterable[Pair] | None = None,
        twins: Iterable[Iterable[Pair]] = (),
        limit: int = 3,
    ) -> CarAnswer:
        """Return what the photos of one car say; see ``answers.answer_car``. No photos say nothing."""
        if not photos:
            return NO_CAR
        logits = self.logits(photos[:MOST_PHOTOS])
        return answer_car(
            logits, self.manifest.vocabularies, self.manifest.rules, table=table, twins=twins, limit=limit
        )


def open_session(graph: bytes, threads: int = 0) -> Any:
    """Return an ONNX Runtime session on the CPU; 0 threads stand for one a core, at most four."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or min(4, os.cpu_count() or 1)
    options.inter_op_num_threads = 1
    # Spinning threads would burn the cores of the web server's other processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def run_graph(session: Any, photos: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return a session's outputs by name for photos float32[n, 3, height, width]."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: photos}), strict=True))
