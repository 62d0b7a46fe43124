"""Serving: photos in, a ``CarAnswer`` out, with ONNX Runtime, NumPy and Pillow alone."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ad_autocategorize.artifacts import GRAPH_NAME, ArtifactError
from ad_autocategorize.photos.answers import NO_CAR, CarAnswer, answer_car
from ad_autocategorize.photos.artifact import PhotoManifest, read_photo_manifest, read_verified
from ad_autocategorize.photos.artifact_checks import check_outputs
from ad_autocategorize.photos.external_data import names_other_files
from ad_autocategorize.photos.vocabularies import Pair

# Photos of one ad that are looked at; the first ones are those that sellers choose with most care.
MOST_PHOTOS = 12


class PhotoPredictor:
    """A loaded photo model; safe to share between threads, and to be inherited by a forked process."""

    def __init__(self, manifest: PhotoManifest, graph: bytes) -> None:
        if names_other_files(graph):
            raise ValueError("it names other files")
        self.manifest = manifest
        self._graph = graph
        self._opening = threading.Lock()
        # Opened at once, so that a graph that cannot be run is known as it is loaded.
        self._session: Any = open_session(graph)
        check_outputs(self._session, manifest.vocabularies)
        _loaded.add(self)

    def forget_session(self) -> None:
        """Set a parent's session aside, and open one of this process when it is first asked.

        The threads of a parent's session are not in a forked process: to use the session, or to let it go, would wait for them
        for ever.
        """
        if self._session is not None:
            # For ever, the end of the process included, which lets go of whatever a module holds.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._session))
        self._session, self._opening = None, threading.Lock()

    def _own_session(self) -> Any:
        with self._opening:
            if self._session is None:
                self._session = open_session(self._graph)
            return self._session

    @classmethod
    def load(cls, directory: Path, digest: str = "") -> PhotoPredictor:
        """Verify a model folder and open it; ``digest`` is the folder's, where that is known. Raises ``ArtifactError``."""
        manifest = read_photo_manifest(directory, digest)
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
        return run_graph(self._own_session(), prepare.normalize(pixels))

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


_loaded: weakref.WeakSet[PhotoPredictor] = weakref.WeakSet()


def _forget_sessions() -> None:
    for predictor in list(_loaded):
        predictor.forget_session()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_sessions)
