"""Which words of an ad are its seller's alone in a category, and are therefore not learned for it.

An account that files thirty ads of one phrase would settle what the phrase suggests. What counts is how many sellers say so, not
how often one of them does: a word that the other sellers of a category never use, while others use it elsewhere, is contested.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise

# So many ads of others must lie in a category before their silence about a word tells anything: a shop may have it to itself.
LEAST_ADS_OF_OTHERS = 5
# Stands for several sellers; no seller is named so.
_SEVERAL = "\x00"
# A word, or two neighbouring ones.
_Phrase = tuple[str, ...]


def contested_words(
    titles: Sequence[Sequence[str]], categories: Sequence[Hashable], sellers: Sequence[str]
) -> list[frozenset[str]]:
    """Return for each ad the words by which its seller contradicts others; none for sellers that are not known ("").

    Parameters
    ----------
    titles : the words of each title; ``categories`` and ``sellers`` are in the same order.

    A word, or two neighbouring words, are contested where a seller repeats them in a category in which no other seller uses them,
    though others have ``LEAST_ADS_OF_OTHERS`` ads there, while others use them in other categories.
    """
    places = list(zip(sellers, categories, strict=True))
    watched = _watched(places)
    said = Counter(
        (place, phrase)
        for words, place in zip(titles, places, strict=True)
        if place in watched
        for phrase in set(_phrases(words))
    )
    users = _users(titles, places, {phrase for (_, phrase), count in said.items() if count > 1})

    def is_contested(phrase: _Phrase, seller: str, category: Hashable) -> bool:
        if said[(seller, category), phrase] < 2 or users[phrase][category] != seller:
            return False
        return any(other != seller for place, other in users[phrase].items() if place != category)

    return [
        frozenset(word for phrase in _phrases(words) if is_contested(phrase, *place) for word in phrase)
        if place in watched
        else frozenset()
        for words, place in zip(titles, places, strict=True)
    ]


def _watched(places: Sequence[tuple[str, Hashable]]) -> set[tuple[str, Hashable]]:
    """Return the sellers and categories of which a seller has several ads and others have enough."""
    own, ads = Counter(places), Counter(category for _, category in places)
    return {
        (seller, category)
        for (seller, category), count in own.items()
        if seller and count > 1 and ads[category] - count >= LEAST_ADS_OF_OTHERS
    }


def _users(
    titles: Sequence[Sequence[str]], places: Sequence[tuple[str, Hashable]], wanted: set[_Phrase]
) -> dict[_Phrase, dict[Hashable, str]]:
    """Return who uses each of the wanted phrases in each category: the one seller, or that there are several."""
    users: defaultdict[_Phrase, dict[Hashable, str]] = defaultdict(dict)
    for row, (words, (seller, category)) in enumerate(zip(titles, places, strict=True)):
        # Every unknown seller is another.
        voter = seller or f"{_SEVERAL}{row}"
        for phrase in wanted.intersection(_phrases(words)):
            known = users[phrase].setdefault(category, voter)
            if known != voter:
                users[phrase][category] = _SEVERAL
    return users


def _phrases(words: Sequence[str]) -> Iterator[_Phrase]:
    for word in words:
        yield (word,)
    for pair in pairwise(words):
        yield tuple(sorted(pair))
