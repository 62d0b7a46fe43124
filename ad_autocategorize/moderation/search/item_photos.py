"""Photos of ads in the search for mislabelled ones, where the model in service hears them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ad_autocategorize import registry
from ad_autocategorize.categories.item_photos import embed_ads, gather, open_backbone
from ad_autocategorize.item_photos.names import PART_KEY
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.sources import AdSource, LabelledTitle

if TYPE_CHECKING:
    from ad_autocategorize.titles.label_errors.out_of_fold import FoldScores

Progress = Callable[[str, int, int], None]


def with_item_photos(
    source: AdSource,
    language: str,
    ads: Sequence[LabelledTitle],
    scores: FoldScores,
    weights: Sequence[float],
    progress: Progress,
) -> FoldScores:
    """Return the scores with what the ads' photos say, out of fold as the titles; unchanged where photos are not heard."""
    active = registry.active_scorer(source.name, language)
    opened = open_backbone(source, language) if active is not None and active.photos is not None else None
    if active is None or active.photos is None or opened is None:
        return scores
    from ad_autocategorize.item_photos.training.fitting import Shrinkage
    from ad_autocategorize.item_photos.training.out_of_fold import hear_photos

    embedder, store = opened
    chosen = ModelVersion.objects.get(name=active.version).metrics.get(PART_KEY, {})
    if embedder.name != active.photos.backbone or "temperature" not in chosen:
        # Another backbone was exported since; the next training uses it.
        return scores
    keys = [ad.ad_id for ad in ads]
    shown = embed_ads(source, set(keys), embedder, store, progress)
    heard = hear_photos(
        scores,
        gather(keys, shown, store),
        active.photos.fusion,
        Shrinkage(**chosen["shrinkage"]),
        float(chosen["temperature"]),
        np.asarray(weights, dtype=np.float64),
    )
    return replace(scores, probabilities=heard)
