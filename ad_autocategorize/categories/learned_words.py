"""What a model may learn of each title: no contacts, no word that is one seller's own, none by which one contradicts others."""

from __future__ import annotations

from collections.abc import Sequence

from ad_autocategorize.categories.independent_sellers import contested_words
from ad_autocategorize.categories.private_words import sole_words, without_contacts
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.sources import LabelledTitle
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings


def uncontested_words(
    ads: Sequence[LabelledTitle], labellers: Sequence[str], settings: TitleSettings
) -> list[list[str]]:
    """Return the words of each title without contacts, and without those by which its seller contradicts others.

    Parameters
    ----------
    labellers : who filed each ad, "" where a moderator did or nobody knows; see ``LabelWeights``. Where ``ADS_PER_SELLER`` is
        ``None`` every account is trusted.
    """
    return _without_contested(ads, labellers, _words(ads, settings))


def learned_words(ads: Sequence[LabelledTitle], labellers: Sequence[str], settings: TitleSettings) -> list[str]:
    """Return ``uncontested_words`` without what is one seller's own, parted by spaces: models list the words that they learn."""
    titles = _words(ads, settings)
    sole = sole_words(titles, [ad.category_id for ad in ads], [ad.seller for ad in ads])
    uncontested = _without_contested(ads, labellers, titles)
    return [" ".join(word for word in words if word not in sole) for words in uncontested]


def _words(ads: Sequence[LabelledTitle], settings: TitleSettings) -> list[list[str]]:
    normalize = Normalizer(settings)
    return [normalize(without_contacts(ad.title[: plugin_settings.MAX_TITLE_LENGTH])) for ad in ads]


def _without_contested(
    ads: Sequence[LabelledTitle], labellers: Sequence[str], titles: list[list[str]]
) -> list[list[str]]:
    if plugin_settings.ADS_PER_SELLER is None:
        return titles
    contested = contested_words(titles, [ad.category_id for ad in ads], labellers)
    return [[word for word in words if word not in against] for words, against in zip(titles, contested, strict=True)]
