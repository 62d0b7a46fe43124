"""The evaluation's chapter on photos: title, photo and both, on the same ads of the marketplace."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from ad_autocategorize.categories.item_photos import Progress, embed_ads, gather, open_backbone
from ad_autocategorize.categories.label_weights import weigh_labels
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.sources import AdSource
from ad_autocategorize.titles.settings import TitleSettings
from taxonomy.tree import CategoryTree


def evaluate_item_photos(
    source: AdSource,
    settings: TitleSettings,
    *,
    since: date | None,
    limit: int | None,
    language: str,
    seed: int,
    progress: Progress,
) -> dict[str, Any] | None:
    """Return what ``summarize`` does, with how many ads there are and have photos.

    ``None`` on a site without photos or backbone, or with too few ads that have a photo.
    """
    opened = open_backbone(source, language)
    if opened is None:
        return None
    from ad_autocategorize.item_photos.training.evaluation import evaluate_photos, summarize
    from ad_autocategorize.item_photos.training.learning import Ads
    from ad_autocategorize.titles.evaluation.duplicates import find_twins
    from ad_autocategorize.titles.training.examples import tokenize

    embedder, store = opened
    tree = CategoryTree.load(include_inactive=True)
    found = list(source.iter_titles(since=since, limit=limit, language=language or None))
    titles = [ad.title[: plugin_settings.MAX_TITLE_LENGTH] for ad in found]
    rows = tokenize(titles, settings)[1]
    weights = weigh_labels(found, source.name).weights
    keys = [found[row].ad_id for row in rows]
    photos = gather(keys, embed_ads(source, set(keys), embedder, store, progress), store)
    ads = Ads(
        [titles[row] for row in rows],
        [tree.path_ids(found[row].category_id) for row in rows],
        photos,
        np.array([weights[row] for row in rows], dtype=np.float64),
    )
    if not len(ads):
        return None
    held_out = evaluate_photos(ads, settings, find_twins(ads.titles).groups, seed=seed)
    if held_out is None:
        return None
    return {**summarize(held_out), "ads": len(ads), "with_photos": len(photos.with_photos())}
