"""How much of what a seller repeats is believed: as much as one ad, until others say the same.

An account that files thirty ads of one phrase would settle what the phrase suggests. What counts is how many sellers say so,
not how often one of them does; a shop whose words others use likewise, or whose ads are each of something else, loses nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from itertools import combinations

# What an account's ads of one phrase weigh together where other sellers file the phrase elsewhere.
CONTESTED_TOTAL = 0.1
# So many phrases of an ad, or all that it has, have to be contested.
_LEAST_PHRASES = 2
# Stands for several sellers; no seller is named so.
_SEVERAL = "\x00"


def independence(
    titles: Sequence[Sequence[str]], categories: Sequence[Hashable], sellers: Sequence[str]
) -> list[float]:
    """Return a weight from 0 to 1 for each ad, 1 for sellers that are not known ("").

    Parameters
    ----------
    titles : the words of each title; ``categories`` and ``sellers`` are in the same order.

    A phrase is two words of a title, in either order. It is contested where a seller repeats it in a category in which no other
    seller uses it, while others use it in other categories. Ads of contested phrases weigh ``CONTESTED_TOTAL`` together.
    """
    repeated = Counter(zip(sellers, categories, strict=True))
    watched = {place for place, count in repeated.items() if count > 1 and place[0]}
    if not watched:
        return [1.0] * len(titles)
    told: defaultdict[str, Counter[tuple[str, Hashable]]] = defaultdict(Counter)
    places = zip(sellers, categories, strict=True)
    nothing: frozenset[str] = frozenset()
    phrases = [_phrases(words) if place in watched else nothing for words, place in zip(titles, places, strict=True)]
    wanted = {phrase for found in phrases for phrase in found}
    for row, (words, seller, category) in enumerate(zip(titles, sellers, categories, strict=True)):
        # Every unknown seller is another.
        voter = seller or f"{_SEVERAL}{row}"
        for phrase in _phrases(words) & wanted:
            told[phrase][voter, category] += 1
    where = {phrase: _users_of(counted) for phrase, counted in told.items()}
    weights = []
    for found, seller, category in zip(phrases, sellers, categories, strict=True):
        repeats = [told[phrase][seller, category] for phrase in found if _is_contested(where[phrase], seller, category)]
        # One pair of words that others have too is chance: "model 3", "size 40".
        against = [count for count in repeats if count > 1]
        contested = len(against) >= _LEAST_PHRASES or (bool(against) and len(against) == len(found))
        weights.append(CONTESTED_TOTAL / max(against) if contested else 1.0)
    return weights


def _phrases(words: Sequence[str]) -> frozenset[str]:
    distinct = sorted(set(words))
    return frozenset(f"{left} {right}" for left, right in combinations(distinct, 2)) or frozenset(distinct)


def _users_of(counted: Counter[tuple[str, Hashable]]) -> dict[Hashable, str]:
    """Return who uses a phrase in each category: the one seller, or that there are several."""
    users: dict[Hashable, str] = {}
    for seller, category in counted:
        users[category] = seller if users.get(category, seller) == seller else _SEVERAL
    return users


def _is_contested(users: dict[Hashable, str], seller: str, category: Hashable) -> bool:
    """Return whether a seller alone uses a phrase in a category, and others use it elsewhere."""
    if users[category] != seller:
        return False
    return any(other != seller for place, other in users.items() if place != category)
