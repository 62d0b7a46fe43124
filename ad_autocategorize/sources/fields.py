"""Field paths: how a source says where the host's ads keep a thing, and what stands there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet
from django.db.models.constants import LOOKUP_SEP

from ad_autocategorize.sources.cars import CAR_FIELDS

# The attributes of an ad that a source may describe, each by a field path or a method of the source.
DESCRIBED = ("title", "category", "photos", "date", "seller", "language", *CAR_FIELDS)


class SourceError(ValueError):
    """The source, or the setting that names it, is wrong; the message says what to change."""


class FieldPaths:
    """What a source describes of an ad: each attribute holds a field path, the name of a method of the source, or nothing."""

    def is_path(self, attribute: str) -> bool:
        """Return whether ``attribute`` holds a field path, rather than the name of a method or nothing."""
        described = getattr(self, attribute)
        return isinstance(described, str) and not callable(getattr(self, described, None))

    def value_of(self, ad: Any, attribute: str) -> Any:
        """Return what the source says of one ad: ``source.value_of(ad, "brand")``; ``None`` where it says nothing."""
        described = getattr(self, attribute)
        if described is None:
            return None
        if not self.is_path(attribute):
            return getattr(self, described)(ad)
        value = ad
        for step in described.split(LOOKUP_SEP):
            value = getattr(value, step, None)
        return value


def fetch_along(queryset: QuerySet[Any], relations: Sequence[str]) -> QuerySet[Any]:
    """Return the queryset with these relations read in the same query; without a name, Django would follow every one there is."""
    return queryset.select_related(*relations) if relations else queryset


def resolve_model(model: object, where: str) -> type[Model]:
    """Return a model given as a class or as "app.Model". Raises ``SourceError``."""
    if isinstance(model, type) and issubclass(model, Model):
        return model
    if isinstance(model, str) and model.count(".") == 1:
        try:
            return apps.get_model(model)
        except LookupError as error:
            raise SourceError(f"{where} = {model!r}: {error}") from error
    raise SourceError(f'{where} = {model!r} must be a model class or a string such as "shop.Listing".')


def resolve_field(model: type[Model], path: str) -> Any:
    """Return the last field of a path such as "product__name". Raises ``SourceError`` listing the fields there are."""
    field: Any = None
    current: Any = model
    for step in path.split(LOOKUP_SEP):
        fields = {item.name: item for item in current._meta.get_fields()} if current is not None else {}
        fields.update(
            {item.get_accessor_name(): item for item in fields.values() if hasattr(item, "get_accessor_name")}
        )
        if step not in fields:
            owner = current._meta.label if current is not None else path
            raise SourceError(
                f"{owner} has no field {step!r}; it has {', '.join(sorted(filter(None, fields))) or 'none'}."
            )
        field = fields[step]
        current = getattr(field, "related_model", None)
    return field
