"""What is read of the host's ads, one by one: found by key, their titles and photos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import FileField, Model, prefetch_related_objects
from django.db.models.constants import LOOKUP_SEP
from django.db.models.fields.files import FieldFile

from ad_autocategorize.sources.fields import fetch_along
from ad_autocategorize.sources.source import AdSource


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
            key = field.to_python(text)
            # A number may be beyond what the database's column takes.
            field.run_validators(key)
            keys.append(key)
        except ValidationError:
            continue
    return keys


def keys_in_use(texts: Iterable[str], source: AdSource) -> set[str]:
    """Return those keys, as text, that ads have; in one query."""
    ads = source.ad_model()._default_manager.filter(pk__in=keys_of(texts, source))
    return set(map(str, ads.values_list("pk", flat=True)))


def title_of(ad: Any, source: AdSource) -> str:
    """Return the ad's title."""
    return str(source.value_of(ad, "title") or "")


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
    # Without empty file fields, which are false and have no address.
    yield from filter(None, map(_file_of, photos))


def _file_of(photo: Any) -> Any:
    if not isinstance(photo, Model):
        return photo
    named = next((field.name for field in photo._meta.fields if isinstance(field, FileField)), None)
    return getattr(photo, named) if named else None
