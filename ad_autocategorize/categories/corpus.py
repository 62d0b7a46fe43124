"""The marketplace's ads, in the form that the evaluation takes."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime

from django.utils import timezone

from ad_autocategorize.categories.label_weights import weigh_labels
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.sources import AdSource
from ad_autocategorize.sources.source import require_ads
from ad_autocategorize.titles.evaluation.corpus import Corpus, as_datetime
from taxonomy.tree import CategoryTree


def read_marketplace(
    source: AdSource, *, since: date | None = None, limit: int | None = None, language: str = ""
) -> Corpus:
    """Read the published ads, those of one language or all, as training reads them, but for the words that it does not learn.

    Titles are whole here, since they are asked for as well as learned. Raises ``SourceError``.
    """
    tree = CategoryTree.load(include_inactive=True)
    dropped: Counter[str] = Counter()
    ads = list(source.iter_titles(since=since, limit=limit, skipped=dropped, language=language or None))
    require_ads(source, len(ads), dropped)
    return Corpus(
        [ad.title[: plugin_settings.MAX_TITLE_LENGTH] for ad in ads],
        [tree.path_ids(ad.category_id) for ad in ads],
        [_at_the_site(ad.date) for ad in ads],
        {pk: tree.name(pk) for pk in tree},
        dict(dropped),
        [tree.path_ids(pk) for pk in CategoryTree.load(scope=source.scope)],
        weigh_labels(ads, source.name).weights,
        ads=[ad.ad_id for ad in ads] if any(ad.others for ad in ads) else (),
    )


def _at_the_site(value: object) -> datetime | None:
    # A report that names hours is held beside the admin, which shows the site's.
    if isinstance(value, datetime) and timezone.is_aware(value):
        return timezone.make_naive(value)
    return as_datetime(value)
