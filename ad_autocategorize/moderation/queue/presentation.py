"""What the review pages show of an issue: the ad, its photos, the paths side by side, near-identical ads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import FileField, Model, prefetch_related_objects
from django.db.models.constants import LOOKUP_SEP
from django.db.models.fields.files import FieldFile
from django.urls import NoReverseMatch, reverse

from ad_autocategorize.moderation.labels.fingerprints import is_titled
from ad_autocategorize.moderation.models import LabelIssue
from ad_autocategorize.sources import AdSource, SourceError, fetch_along, get_source
from taxonomy.tree import CategoryTree

CLUSTER_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Step:
    """A category of a path; ``parts`` where this and the other path differ."""

    name: str
    parts: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A category that the models thought of, and the probability they gave it."""

    category_id: int
    path: str
    probability: float


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A near-identical ad."""

    title: str
    path: str
    url: str
    filed_alike: bool


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """An issue with all that its page shows.

    ``filed`` is the path of the ad as it is now; ``can_accept`` where it may be filed as suggested, ``is_given`` where it lies
    where the issue found it, ``has_changed`` where an open question is no longer about this ad.
    """

    issue: LabelIssue
    title: str
    url: str
    photos: tuple[str, ...]
    filed: tuple[Step, ...]
    suggested: tuple[Step, ...]
    choices: tuple[Choice, ...]
    neighbors: tuple[Neighbor, ...]
    can_accept: bool
    is_given: bool
    has_changed: bool


def ads_by_key(keys: Iterable[str], source: AdSource) -> dict[str, Any]:
    """Return ads by their keys as text, in one query; ads that are gone are missing."""
    wanted = keys_of(keys, source)
    queryset = fetch_along(source.ad_model()._default_manager.all(), [*source.select_related, *source.relations()])
    return {str(ad.pk): ad for ad in queryset.filter(pk__in=wanted)} if wanted else {}


def keys_of(texts: Iterable[str], source: AdSource) -> list[Any]:
    """Return the keys of ads that are given as text; what can be no key is left out."""
    field = source.ad_model()._meta.pk
    keys = []
    for text in texts:
        try:
            keys.append(field.to_python(text))
        except ValidationError:
            continue
    return keys


def title_of(ad: Any, source: AdSource) -> str:
    """Return the ad's title."""
    return str(source.value_of(ad, "title") or "")


def path_text(tree: CategoryTree, category_id: int) -> str:
    """Return the names along a category's path, for a person."""
    return " › ".join(tree.path_names(category_id)) if category_id in tree else f"#{category_id}"


def paths_side_by_side(tree: CategoryTree, *two: int | None) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Return the paths of two categories, marked from where they part; empty for one that is not in the tree."""
    first, second = (tree.path_names(pk) if pk is not None and pk in tree else () for pk in two)
    return _steps(first, second), _steps(second, first)


def present(issue: LabelIssue, tree: CategoryTree, active: CategoryTree) -> ReviewItem | None:
    """Return what an issue's page shows; ``None`` where the ad is gone. Only categories of ``active`` are offered."""
    source = get_source()
    ad = ads_by_key([issue.ad_id], source).get(issue.ad_id)
    if ad is None:
        return None
    title, category_id = title_of(ad, source), _category_of(ad, issue, source, tree)
    is_given = category_id == issue.given_id
    can_accept = issue.has_answer and issue.suggested_id in active
    # Keeping and accepting have keys of their own.
    has_key = (issue.given_id, issue.suggested_id) if can_accept else (issue.given_id,)
    filed, suggested = paths_side_by_side(tree, category_id, issue.suggested_id)
    return ReviewItem(
        issue,
        title,
        ad_url(ad),
        tuple(photo_urls(ad, source)),
        filed,
        suggested,
        tuple(Choice(pk, path_text(tree, pk), p) for pk, p in issue.alternatives if pk in active and pk not in has_key),
        tuple(_neighbors(issue, source, tree)),
        can_accept=can_accept,
        is_given=is_given,
        has_changed=issue.state == issue.State.OPEN and not (is_given and is_titled(issue, title)),
    )


def ad_url(ad: Model) -> str:
    """Return the ad's page in the admin; empty where the host has not registered it."""
    try:
        return reverse(f"admin:{ad._meta.app_label}_{ad._meta.model_name}_change", args=[ad.pk])
    except NoReverseMatch:
        return ""


def photo_urls(ad: Any, source: AdSource) -> list[str]:
    """Return the addresses of the ad's photos."""
    return [photo if isinstance(photo, str) else str(photo.url) for photo in ad_photos(ad, source)]


def first_photos(ads: Sequence[Any], source: AdSource) -> dict[Any, str]:
    """Return the address of each ad's first photo by the ad's key, in one query for all; ads without one are missing."""
    path = source.photos if source.photos and source.is_path("photos") else ""
    if path and source.ad_model()._meta.get_field(path.split(LOOKUP_SEP)[0]).is_relation:
        prefetch_related_objects(list(ads), path)
    found = {ad.pk: next(iter(photo_urls(ad, source)), "") for ad in ads}
    return {key: url for key, url in found.items() if url}


def ad_photos(ad: Any, source: AdSource) -> Iterator[FieldFile | str]:
    """Yield the files of the ad's photos, or what else the source gives as text, such as addresses.

    The source may give one or several; each is a file, a text, or a row with a file field.
    """
    photos = source.value_of(ad, "photos")
    if photos is None:
        return
    if hasattr(photos, "all"):
        photos = photos.all()
    elif not isinstance(photos, Sequence) or isinstance(photos, str):
        photos = [photos]
    # An empty file field is false, and has no address.
    yield from filter(None, map(_file_of, photos))


def _file_of(photo: Any) -> FieldFile | str | None:
    if not isinstance(photo, Model):
        return photo
    named = next((field.name for field in photo._meta.fields if isinstance(field, FileField)), None)
    return getattr(photo, named) if named else None


def _category_of(ad: Any, issue: LabelIssue, source: AdSource, tree: CategoryTree) -> int | None:
    try:
        return source.taxonomy_category_id(ad, tree)
    except SourceError:
        # Who decides is told what is wrong.
        return issue.given_id


def _steps(path: tuple[str, ...], other: tuple[str, ...]) -> tuple[Step, ...]:
    return tuple(Step(name, path[: i + 1] != other[: i + 1]) for i, name in enumerate(path))


def _neighbors(issue: LabelIssue, source: AdSource, tree: CategoryTree) -> Iterable[Neighbor]:
    ids = issue.neighbors[:CLUSTER_SHOWN]
    for ad in ads_by_key(ids, source).values():
        try:
            category_id = source.taxonomy_category_id(ad, tree)
        except SourceError:
            continue
        path = path_text(tree, category_id) if category_id else ""
        yield Neighbor(title_of(ad, source), path, ad_url(ad), category_id == issue.given_id)
