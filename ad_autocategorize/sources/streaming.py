"""Reading all ads without a query held open, which on SQLite would keep everybody else from writing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

CHUNK = 2000


def stream(ads: QuerySet[Any], limit: int | None = None) -> Iterator[Any]:
    """Yield ads in the order of their primary keys, one query per chunk, each once; ``limit`` ads at most.

    Ads that are added meanwhile are among them if their keys are higher. A queryset that cannot be narrowed, such as a
    union, is read by one query.
    """
    if ads.query.combinator or ads.query.is_sliced:
        yield from ads[:limit].iterator(chunk_size=CHUNK) if limit is not None else ads.iterator(chunk_size=CHUNK)
        return
    last: Any = None
    left = limit
    while left is None or left > 0:
        size = CHUNK if left is None else min(CHUNK, left)
        rest = ads.order_by("pk") if last is None else ads.order_by("pk").filter(pk__gt=last)
        found = list(rest[:size])
        chunk = {ad.pk: ad for ad in found}
        yield from chunk.values()
        if len(found) < size:
            return
        last = found[-1].pk
        if left is not None:
            left -= len(chunk)
