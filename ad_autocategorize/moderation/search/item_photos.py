"""Photos of ads in the search for mislabelled ones, where the model in service hears them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize import registry
from ad_autocategorize.categories.item_photos import embed_ads, gather, open_backbone
from ad_autocategorize.item_photos.names import PART_KEY
from ad_autocategorize.models import LabelIssue, ModelVersion
from ad_autocategorize.sources import AdSource, LabelledTitle
from ad_autocategorize.titles.hierarchy import Path

if TYPE_CHECKING:
    # The training side.
    from ad_autocategorize.item_photos.training.out_of_fold import FusedScores
    from ad_autocategorize.item_photos.training.sums import AdPhotos
    from ad_autocategorize.titles.label_errors.out_of_fold import FoldScores

# The photos of the surest errors are compared with those of all other ads: work that would grow with the square of the ads.
MOST_COMPARED = 5_000

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class PhotoEvidence:
    """What photos say beside titles, for the page that asks about an ad.

    Attributes
    ----------
    title : float32, shape (ads, categories): the probabilities by title alone.
    heard : what the photos said of the ads.
    photos : theirs.
    given : shape (ads,): where each ad is filed.
    """

    title: NDArray[np.float32]
    heard: FusedScores
    photos: AdPhotos
    given: NDArray[np.intp]

    def opinions(self, row: int, categories: Sequence[Path]) -> list[list[str | int | float]]:
        """Return what the photos and the title of an ad each say by themselves, as ``LabelIssue.opinions`` holds it."""
        best = int(self.heard.best[row])
        if best < 0:
            return []
        by_title = int(self.title[row].argmax())
        return [
            [LabelIssue.PHOTOS, categories[best][-1], round(float(self.heard.best_probability[row]), 4)],
            [LabelIssue.TITLE, categories[by_title][-1], round(float(self.title[row, by_title]), 4)],
        ]

    def filed_elsewhere(self, rows: Sequence[int], ads: Sequence[LabelledTitle]) -> dict[int, list[str]]:
        """Return the keys of the ads filed elsewhere with nearly the same photo, by row, of the first ``MOST_COMPARED``."""
        from ad_autocategorize.item_photos.training.same_photos import find_same_photos

        numbers = np.unique([str(ad.ad_id) for ad in ads], return_inverse=True)[1]
        wanted = np.sort(np.array(rows[:MOST_COMPARED], dtype=np.intp))
        found = find_same_photos(self.photos, wanted, numbers, self.given)
        # An ad of several categories has several rows.
        return {row: list(dict.fromkeys(str(ads[other].ad_id) for other in others)) for row, others in found.items()}


def with_item_photos(
    source: AdSource,
    language: str,
    ads: Sequence[LabelledTitle],
    scores: FoldScores,
    weights: Sequence[float],
    progress: Progress,
) -> tuple[FoldScores, PhotoEvidence | None]:
    """Return the scores with what the ads' photos say, out of fold as the titles, and what moderators may see of it.

    The scores are unchanged, and there is no evidence, where photos are not heard.
    """
    active = registry.active_scorer(source.name, language)
    opened = open_backbone(source, language) if active is not None and active.photos is not None else None
    if active is None or active.photos is None or opened is None:
        return scores, None
    from ad_autocategorize.item_photos.training.fitting import Shrinkage
    from ad_autocategorize.item_photos.training.out_of_fold import score_with_photos

    embedder, store = opened
    chosen = ModelVersion.objects.get(name=active.version).metrics.get(PART_KEY, {})
    if embedder.name != active.photos.backbone or "temperature" not in chosen:
        # Another backbone was exported since; the next training uses it.
        return scores, None
    keys = [ad.ad_id for ad in ads]
    photos = gather(keys, embed_ads(source, set(keys), embedder, store, progress), store)
    heard = score_with_photos(
        scores,
        photos,
        active.photos.fusion,
        Shrinkage(**chosen["shrinkage"]),
        float(chosen["temperature"]),
        np.asarray(weights, dtype=np.float64),
    )
    evidence = PhotoEvidence(scores.probabilities, heard, photos, scores.given)
    return replace(scores, probabilities=heard.probabilities), evidence
