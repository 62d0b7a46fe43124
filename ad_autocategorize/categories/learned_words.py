"""What a model may learn of each title: no contacts, no word that is one seller's own, none by which one contradicts others."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ad_autocategorize.categories.independent_sellers import contested_words
from ad_autocategorize.categories.private_words import sole_words, without_contacts
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.sources import LabelledTitle
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings


def learned_words(
    ads: Sequence[LabelledTitle],
    labellers: Sequence[str],
    settings: TitleSettings,
    known: Collection[str] | None = None,
) -> list[str]:
    """Return the words of each title that may be learned, parted by spaces; "" where none is left.

    Parameters
    ----------
    labellers : who filed each ad, "" where a moderator did or nobody knows; see ``LabelWeights``. Their words are contested
        unless ``ADS_PER_SELLER`` is ``None``, which trusts every account.
    known : the words of a vocabulary that stands already; others are not learned, whosever they are.
    """
    normalize = Normalizer(settings)
    titles = [normalize(without_contacts(ad.title[: plugin_settings.MAX_TITLE_LENGTH])) for ad in ads]
    categories = [ad.category_id for ad in ads]
    if known is None:
        sole = sole_words(titles, categories, [ad.seller for ad in ads], settings.min_document_frequency)
        kept = [[word for word in words if word not in sole] for words in titles]
    else:
        kept = [[word for word in words if word in known] for words in titles]
    if plugin_settings.ADS_PER_SELLER is None:
        return [" ".join(words) for words in kept]
    contested = contested_words(titles, categories, labellers)
    return [
        " ".join(word for word in words if word not in against) for words, against in zip(kept, contested, strict=True)
    ]
