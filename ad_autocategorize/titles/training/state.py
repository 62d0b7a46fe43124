"""What a version keeps for the next training to go on from: a folder within its own, which no web process reads.

The model that was tested is kept beside the one that serves, since it has learned from a part of the ads: what is measured later
must be measured by a model that has not seen the ads it is asked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.artifacts import ArtifactError, read_artifact, write_artifact
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.training.changes import FiledTitles
from ad_autocategorize.titles.training.checkpoint import Checkpoint, Trained

KIND = "title_training"
# Within a version's folder; and in the manifest there, with this folder's digest.
STATE_FOLDER, STATE_KEY = "training", "training"
TESTED_FOLDER = "tested"
_SERVED, _TESTED = "served.", "tested."


@dataclass(frozen=True, slots=True)
class TrainingState:
    """What a training leaves for an incremental one.

    Attributes
    ----------
    served, tested : the model that serves, and the one that was tested.
    ads : the ads that the served model has learned from; ``is_tested``, bool[n], those that the tested one has not.
    whole : the version whose training all nodes had part in.
    changed : how many ads have changed since that, an edited one counting twice.
    """

    served: Trained
    tested: Trained
    ads: FiledTitles
    is_tested: NDArray[np.bool_]
    whole: str
    changed: int = 0

    def save(self, folder: FilePath) -> str:
        """Write the folder, but for the served model, and return its digest; for what it raises see ``artifacts``."""
        # Under a name that is swept if what follows does not come to an end.
        beside = folder.with_name(f"{folder.name}-{TESTED_FOLDER}")
        self.tested.scorer.save(beside, metadata={})
        manifest = {
            "whole": self.whole,
            "changed": self.changed,
            "tested": self.tested.scorer.digest,
            "numbers": {_SERVED: self.served.checkpoint.numbers(), _TESTED: self.tested.checkpoint.numbers()},
        }
        tensors: dict[str, NDArray[Any]] = {
            "digests": self.ads.digests.view(np.int64),
            "categories": self.ads.categories.astype(np.int64),
            "is_tested": self.is_tested.astype(np.uint8),
            **_prefixed(_SERVED, self.served.checkpoint.tensors()),
            **_prefixed(_TESTED, self.tested.checkpoint.tensors()),
        }
        digest = write_artifact(folder, kind=KIND, tensors=tensors, manifest=manifest)
        beside.rename(folder / TESTED_FOLDER)
        return digest

    @classmethod
    def load(cls, folder: FilePath, digest: str, served: TitleScorer) -> TrainingState:
        """Read a folder; ``served`` is the model that serves. Raises ``ArtifactError`` where it is missing or damaged."""
        artifact = read_artifact(folder, kind=KIND, digest=digest)
        try:
            manifest, tensors = artifact.manifest, artifact.tensors
            tested = TitleScorer.load(folder / TESTED_FOLDER, str(manifest["tested"]))
            checkpoints = [
                Checkpoint.read(_of(prefix, tensors), manifest["numbers"][prefix]) for prefix in (_SERVED, _TESTED)
            ]
            ads = FiledTitles(np.array(tensors["digests"]).view(np.uint64), np.array(tensors["categories"]))
            is_tested = np.array(tensors["is_tested"], dtype=np.bool_)
            if not ads.digests.shape == ads.categories.shape == is_tested.shape:
                raise ValueError("the columns of the ads are not of one length")
            models = [Trained(scorer, own) for scorer, own in zip((served, tested), checkpoints, strict=True)]
            return cls(models[0], models[1], ads, is_tested, str(manifest["whole"]), int(manifest["changed"]))
        except ArtifactError:
            raise
        except Exception as error:  # Numbers made to harm may raise anything; none of them is a state.
            raise ArtifactError(f"{folder} lacks a part or contradicts itself ({error}); retrain.") from error


def _prefixed(prefix: str, tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {prefix + name: array for name, array in tensors.items()}


def _of(prefix: str, tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in tensors.items() if name.startswith(prefix)}
