"""What titles hold of persons, kept out of what a model is trained on: its files list the words it learned."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Hashable, Sequence

from ad_autocategorize.categories.independent_sellers import LEAST_ADS_OF_OTHERS

_EMAIL = re.compile(r"[\w.+-]+\s?@\s?[\w-]+(?:\.[\w-]+)+")
# Seven digits or more, with the signs that part them: telephone numbers, and with them some numbers of parts.
_NUMBER = re.compile(r"(?<![\w.])\+?(?:\(?\d+\)?[ .\-/]{0,2}){2,}\d+|\d{7,}")
_LEAST_DIGITS = 7
# Accounts that a site must have before one's own words are told from the site's.
_LEAST_SELLERS = 3


def without_contacts(title: str) -> str:
    """Return a title without e-mail addresses and telephone numbers."""
    title = _EMAIL.sub(" ", title)
    return _NUMBER.sub(lambda found: " " if sum(map(str.isdigit, found[0])) >= _LEAST_DIGITS else found[0], title)


def are_told_apart(sellers: Sequence[str]) -> bool:
    """Return whether enough sellers are known to tell one's own words from the site's; "" is one that is not known."""
    return len(set(sellers) - {""}) >= _LEAST_SELLERS


def sole_words(titles: Sequence[Collection[str]], categories: Sequence[Hashable], sellers: Sequence[str]) -> set[str]:
    """Return the words that one known seller alone ever wrote; none where the sellers are not known, or next to none.

    A shop that has a category to itself keeps what it says there again and again: nobody else could name what it sells.

    Parameters
    ----------
    titles : the words of each title; ``categories`` and ``sellers`` in the same order, "" for one that is not known.
    """
    if not are_told_apart(sellers):
        return set()
    ads, own = Counter(categories), Counter(zip(sellers, categories, strict=True))
    writer: dict[str, str | None] = {}
    repeated: Counter[tuple[str, Hashable]] = Counter()
    for words, category, seller in zip(titles, categories, sellers, strict=True):
        theirs = own[seller, category]
        others = ads[category] - theirs
        if seller and others < min(theirs, LEAST_ADS_OF_OTHERS):
            repeated.update((word, category) for word in set(words))
        for word in words:
            # An unknown seller may be anybody: a word of theirs is not told to be one's own.
            writer[word] = seller if seller and writer.get(word, seller) == seller else None
    kept = {word for (word, _), count in repeated.items() if count > 1}
    return {word for word, seller in writer.items() if seller is not None} - kept
