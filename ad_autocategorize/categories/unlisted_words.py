"""Words of one seller alone that are learned from though no model lists them, and which of their n-grams are learned.

An account that writes a word anew in each ad, with another letter at its end, repeats the n-grams though no word. What it so says
again and again is no more learned than a word that it repeats: an n-gram of its own words is learned if one ad alone has it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence

from ad_autocategorize.sources import LabelledTitle
from ad_autocategorize.titles.features import character_ngrams
from ad_autocategorize.titles.settings import TitleSettings


def words_of_one_ad(words: set[str], titles: Sequence[Collection[str]], ads: Sequence[LabelledTitle]) -> set[str]:
    """Return which of the words stand in one ad only; one of several categories has a title for each."""
    first: dict[str, Hashable] = {}
    several = set()
    for title, ad in zip(titles, ads, strict=True):
        for word in words.intersection(title):
            if first.setdefault(word, ad.ad_id) != ad.ad_id:
                several.add(word)
    return first.keys() - several


def muted_ngrams(
    words: set[str], titles: Sequence[Collection[str]], ads: Sequence[LabelledTitle], settings: TitleSettings
) -> dict[str, frozenset[str]]:
    """Return for words that each stand in one ad the n-grams that are not learned of them.

    These are the ones that several ads of a seller have in such words; most words have none.
    """
    by_seller: defaultdict[str, dict[Hashable, set[str]]] = defaultdict(dict)
    for title, ad in zip(titles, ads, strict=True):
        if own := words.intersection(title):
            by_seller[ad.seller][ad.ad_id] = own
    muted = dict.fromkeys(words, frozenset[str]())
    for own_words in by_seller.values():
        if len(own_words) > 1:
            muted |= _repeated(list(own_words.values()), settings)
    return muted


def _repeated(ads: Sequence[Iterable[str]], settings: TitleSettings) -> dict[str, frozenset[str]]:
    """Return the n-grams of each word that the words of another ad have too."""
    lengths = settings.min_character_ngram, settings.max_character_ngram
    spelt = {word: frozenset(character_ngrams(word, *lengths)) for words in ads for word in words}
    counts = Counter(ngram for words in ads for ngram in frozenset().union(*(spelt[word] for word in words)))
    repeated = {ngram for ngram, count in counts.items() if count > 1}
    return {word: ngrams & repeated for word, ngrams in spelt.items()}
