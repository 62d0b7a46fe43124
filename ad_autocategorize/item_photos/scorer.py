"""Category suggestions for an ad with photos, by a title scorer and the photo part of the same model version."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.artifacts import ArtifactError, read_artifact, write_artifact
from ad_autocategorize.item_photos.classifier import FloatArray, PhotoClassifier, join_photos
from ad_autocategorize.item_photos.fusion import Fusion
from ad_autocategorize.item_photos.names import BACKBONE_NAME, PART_FOLDER, PART_KEY
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.scorer import Suggestion, TitleScorer

KIND = "item_photos"


@dataclass(frozen=True, slots=True)
class Opinions:
    """The best categories by title and photos together, and by each alone. ``title`` is empty if nothing in it is known."""

    together: list[Suggestion]
    title: list[Suggestion]
    photos: list[Suggestion]


@dataclass(frozen=True, slots=True)
class PhotoPart:
    """What a model version has learned from photos.

    ``backbone`` is the name of the folder of the backbone whose embeddings it needs, and ``backbone_digest`` the folder's digest.
    """

    classifier: PhotoClassifier
    fusion: Fusion
    backbone: str
    backbone_digest: str

    def suggest(
        self,
        scorer: TitleScorer,
        title: str,
        embeddings: NDArray[np.floating],
        limit: int,
        allowed: frozenset[int] | None = None,
    ) -> Opinions:
        """Return up to ``limit`` categories of an ad with photos, embeddings of shape (photos, width), one at least.

        ``scorer`` is of the same version. ``allowed`` restricts the answer to those category ids.
        """
        photos = join_photos(self.classifier.log_probabilities(embeddings))
        alone = self.fusion.photos_alone(photos[None])[0]
        by_title = scorer.suggest(title, limit, allowed)
        # Asked with all categories allowed, since this is about whether anything in the title is known.
        together = self.probabilities(scorer, title, photos) if scorer.suggest(title, 1) else alone
        top = scorer.top
        return Opinions(top(together, limit, allowed), by_title, top(alone, limit, allowed))

    def for_categories(self, categories: tuple[Path, ...]) -> PhotoPart:
        """Return the part for the paths of another tree.

        A category keeps its coefficients if the part knows its key, wherever it is; any other gets the mean of all coefficients.
        """
        known = self.classifier
        row_of = {path[-1]: row for row, path in enumerate(known.categories)}
        rows = [row_of.get(path[-1], len(row_of)) for path in categories]
        coefficients, intercepts = (
            np.concatenate([array, array.mean(axis=0, keepdims=True)])[rows]
            for array in (known.coefficients, known.intercepts)
        )
        return replace(self, classifier=PhotoClassifier(categories, coefficients, intercepts))

    def probabilities(self, scorer: TitleScorer, title: str, photos: FloatArray) -> FloatArray:
        """Return the probabilities by title and photos, given the photos' log-probabilities; both of shape (categories,)."""
        return np.asarray(self.fusion.combine(scorer.probabilities([title]), photos[None])[0])

    def save(self, directory: FilePath) -> str:
        """Write the part as a folder and return its digest; for what it raises see ``artifacts.filled_folder``."""
        tensors = {"coefficients": self.classifier.coefficients, "intercepts": self.classifier.intercepts}
        manifest = {"fusion": self.fusion.to_dict(), "backbone": self.backbone, "backbone_digest": self.backbone_digest}
        return write_artifact(directory, kind=KIND, tensors=tensors, manifest=manifest)

    @classmethod
    def load(cls, directory: FilePath, digest: str, categories: tuple[Path, ...]) -> PhotoPart:
        """Read a part; ``digest`` is the folder's, ``categories`` those of the title model. Raises ``ArtifactError``."""
        artifact = read_artifact(directory, kind=KIND, digest=digest)
        try:
            coefficients, intercepts = (np.array(artifact.tensors[name]) for name in ("coefficients", "intercepts"))
            if coefficients.ndim != 2 or len(coefficients) != len(categories) or intercepts.shape != (len(categories),):
                raise ValueError("the coefficients are not those of the categories")
            if not np.isfinite(coefficients).all() or not np.isfinite(intercepts).all():
                raise ValueError("coefficients that are no numbers")
            fusion = Fusion.from_dict(artifact.manifest["fusion"])
            backbone, its_digest = (str(artifact.manifest[name]) for name in ("backbone", "backbone_digest"))
            if not BACKBONE_NAME.fullmatch(backbone) or not its_digest:
                raise ValueError("no backbone is named")
        except Exception as error:  # Numbers made to harm may raise anything; none of them is a model.
            raise ArtifactError(f"{directory} lacks a part or contradicts itself ({error}); retrain.") from error
        return cls(PhotoClassifier(categories, coefficients, intercepts), fusion, backbone, its_digest)


def load_part(directory: FilePath, scorer: TitleScorer) -> PhotoPart | None:
    """Return the photo part of a title model's folder, ``None`` for a model without one. Raises ``ArtifactError``."""
    named: Any = scorer.manifest.get(PART_KEY)
    if named is None:
        return None
    if not isinstance(named, str) or not named:
        raise ArtifactError(f"{directory} names a photo part without its digest; retrain.")
    return PhotoPart.load(directory / PART_FOLDER, named, scorer.tree.categories)
