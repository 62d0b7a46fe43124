"""Finding an entry of a queue by the words of its ad's title."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from ad_autocategorize.titles.normalization import fold

# Each word is looked for in every title of the queue.
MOST_WORDS = 20


def folded_title(title: str) -> str:
    """Return a title as entries keep it to be searched: without case and accents, which nobody types twice alike."""
    return " ".join(fold(title).split())


def with_words(queue: QuerySet[Any], typed: str) -> QuerySet[Any]:
    """Return the entries whose titles have all the typed words, whole or in part."""
    for word in folded_title(typed).split()[:MOST_WORDS]:
        queue = queue.filter(folded_title__contains=word)
    return queue
