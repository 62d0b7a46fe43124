"""Serving: photos in, a ``CarAnswer`` out, with ONNX Runtime, NumPy and Pillow alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ad_autocategorize.artifacts import GRAPH_NAME, ArtifactError
from ad_autocategorize.photos.answers import NO_CAR, CarAnswer, answer_car
from ad_autocategorize.photos.artifact import PhotoManifest, read_photo_manifest, read_verified
from ad_autocategorize.photos.artifact_checks import check_outputs
from ad_autocategorize.photos.sessions import GraphSession, open_session, run_graph
from ad_autocategorize.photos.uploads.limits import MOST_PHOTOS
from ad_autocategorize.photos.vocabularies import Pair

__all__ = ["PhotoPredictor", "open_session", "run_graph"]


class PhotoPredictor(GraphSession):
    """A loaded photo model; safe to share between threads, and to be inherited by a forked process."""

    def __init__(self, manifest: PhotoManifest, graph: bytes) -> None:
        super().__init__(graph)
        self.manifest = manifest
        check_outputs(self._session, manifest.vocabularies)

    @classmethod
    def load(cls, directory: Path, digest: str = "") -> PhotoPredictor:
        """Check a model folder and load it. Raises ``ArtifactError``.

        ``digest`` is the digest that the folder must have, if the caller knows it.
        """
        manifest = read_photo_manifest(directory, digest)
        graph = read_verified(directory, GRAPH_NAME, manifest)
        try:
            return cls(manifest, graph)
        except Exception as error:  # ONNX Runtime raises a dozen types of its own.
            raise ArtifactError(f"{directory / GRAPH_NAME} cannot be run: {error}") from error

    @property
    def version(self) -> str:
        """The name of the model version."""
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
        """Return the answer to the first ``MOST_PHOTOS`` photos of one car (see ``answers.answer_car``)."""
        if not photos:
            return NO_CAR
        logits = self.logits(photos[:MOST_PHOTOS])
        return answer_car(
            logits, self.manifest.vocabularies, self.manifest.rules, table=table, twins=twins, limit=limit
        )
