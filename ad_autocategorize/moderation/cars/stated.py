"""What ads say of their cars, read with few queries, and the digest of it that a decision is about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import QuerySet
from django.db.models.constants import LOOKUP_SEP

from ad_autocategorize.models import CarIssue
from ad_autocategorize.moderation.cars.catalog import Contradiction
from ad_autocategorize.sources import AdSource
from ad_autocategorize.sources.cars import CAR_FIELDS, text_of
from ad_autocategorize.sources.fields import fetch_along, resolve_field
from ad_autocategorize.sources.streaming import stream


def stated_fields(source: AdSource, ad: Any) -> dict[str, str]:
    """Return what an ad says of its car, by field; texts are empty where it says nothing."""
    return {name: text_of(source.value_of(ad, name)) for name in CAR_FIELDS}


def car_ads(source: AdSource) -> Iterable[Any]:
    """Stream the published ads with the relations that their car fields follow; those of no car too."""
    return stream(with_relations(source))


def with_relations(source: AdSource) -> QuerySet[Any]:
    """Return the published ads, unread, with the relations that their car fields, seller and title follow."""
    return fetch_along(source.get_queryset(), list(_relations(source, (*CAR_FIELDS, "seller", "title"))))


def car_relations(source: AdSource) -> list[str]:
    """Return the relations that reading the car fields of ads follows."""
    return [*source.select_related, *_relations(source, CAR_FIELDS)]


def _relations(source: AdSource, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        described = getattr(source, name)
        if not described or not source.is_path(name):
            continue
        if resolve_field(source.ad_model(), described).is_relation:
            yield described
        elif LOOKUP_SEP in described:
            yield described.rpartition(LOOKUP_SEP)[0]


def fingerprint(name: str, stated: Mapping[str, str]) -> str:
    """Return a digest of what a moderator approved of: one field of a car, and all that the ad says of it."""
    text = "\x00".join([name, *(stated[field] for field in CAR_FIELDS)])
    return hashlib.sha256(text.encode()).hexdigest()


def describe(issue: CarIssue, found: Contradiction, stated: Mapping[str, str]) -> None:
    """Make the issue say what was found, and of which car."""
    issue.stated, issue.expected = found.stated[:200], found.expected[:500]
    issue.suggested, issue.car = dict(found.suggested), dict(stated)
    issue.fingerprint = fingerprint(issue.field, stated)
