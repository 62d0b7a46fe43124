"""What a model may learn of each title: no contacts, no word by which a seller contradicts others, and of those of a seller's own
the letters alone, or nothing where they are repeated.

A model lists the words that it learns, so that a word which one seller alone ever wrote is none of them. Its n-grams, which other
words have too, tell what an ad is about all the same. Those of a word that an account repeats would settle what it suggests: no
other seller has a say in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ad_autocategorize.categories.independent_sellers import contested_words
from ad_autocategorize.categories.private_words import are_told_apart, sole_words, without_contacts
from ad_autocategorize.categories.unlisted_words import muted_ngrams, words_of_one_ad
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.sources import LabelledTitle
from ad_autocategorize.titles.features import Unlisted
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings


@dataclass(frozen=True, slots=True)
class LearnedWords:
    """What is learned of titles.

    Attributes
    ----------
    titles : the words of each, parted by spaces.
    unlisted : the words of which the n-grams alone are learned, each with those that are not.
    """

    titles: list[str]
    unlisted: Unlisted


def learned_words(
    ads: Sequence[LabelledTitle],
    labellers: Sequence[str],
    settings: TitleSettings,
    vocabulary: AbstractSet[str] | None = None,
) -> LearnedWords:
    """Return what may be learned of the titles.

    Parameters
    ----------
    labellers : who filed each ad, "" where a moderator did or nobody knows; see ``LabelWeights``. Where ``ADS_PER_SELLER`` is
        ``None`` every account is trusted.
    vocabulary : the words of the model that a training goes on from; ``None`` for one that begins anew. Those are listed, whoever
        is left to write them, and no others are. Where sellers are not known, others are left out.
    """
    titles, sellers = _words(ads, settings), [ad.seller for ad in ads]
    sole = sole_words(titles, [ad.category_id for ad in ads], sellers) - (vocabulary or set())
    once = words_of_one_ad(sole, titles, ads)
    unlisted, left_out = muted_ngrams(once, titles, ads, settings), sole - once
    if vocabulary is not None:
        new = {word for words in titles for word in words} - vocabulary - sole
        if are_told_apart(sellers):
            unlisted |= dict.fromkeys(new, frozenset())
        else:
            left_out = new
    uncontested = _without_contested(ads, labellers, titles)
    learned = [" ".join(word for word in words if word not in left_out) for words in uncontested]
    return LearnedWords(learned, unlisted)


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
