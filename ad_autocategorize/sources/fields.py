"""Field paths: how a source says where the host's ads keep a thing, and what stands there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet
from django.db.models.constants import LOOKUP_SEP

from ad_autocategorize.sources.cars import CAR_FIELDS

# The attributes of an ad that a source may describe, each by a field path or a method of the source.
DESCRIBED = ("title", "category", "photos", "description", "price", "date", "seller", "language", *CAR_FIELDS)


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


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a field path: the field, the name that objects know it by, and the one that look-ups do."""

    field: Any
    attribute: str
    lookup: str

    @property
    def leads_to_many(self) -> bool:
        """Whether one object leads to several."""
        return bool(self.field.many_to_many or self.field.one_to_many)


def fetch_along(queryset: QuerySet[Any], relations: Sequence[str]) -> QuerySet[Any]:
    """Return the queryset with these relations read along: in the same query, or in one more where they lead to several."""
    joined: list[str] = []
    for relation in relations:
        steps = steps_of(queryset.model, relation)
        if any(step.leads_to_many or step.field.related_model is None for step in steps):
            queryset = queryset.prefetch_related(LOOKUP_SEP.join(step.attribute for step in steps))
        else:
            joined.append(relation)
    # Without a name, Django would follow every relation there is.
    return queryset.select_related(*joined) if joined else queryset


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
    return steps_of(model, path)[-1].field


def steps_of(model: type[Model], path: str) -> list[Step]:
    """Return the steps of a path such as "product__name". Raises ``SourceError`` listing the fields there are."""
    found: list[Step] = []
    current: Any = model
    for name in path.split(LOOKUP_SEP):
        fields = {item.name: item for item in current._meta.get_fields()} if current is not None else {}
        accessors = {item.get_accessor_name(): item for item in fields.values() if hasattr(item, "get_accessor_name")}
        field = (fields | accessors).get(name)
        if field is None:
            owner = current._meta.label if current is not None else path
            names = ", ".join(sorted(filter(None, fields | accessors)))
            raise SourceError(f"{owner} has no field {name!r}; it has {names or 'none'}.")
        attribute = field.get_accessor_name() if hasattr(field, "get_accessor_name") else field.name
        found.append(Step(field, attribute or field.name, field.name))
        current = getattr(field, "related_model", None)
    return found
