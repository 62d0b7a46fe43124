"""The car catalog as the host's ad form writes it: which value a field takes for a brand, a model, a year."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from django.db import InterfaceError, OperationalError
from django.db.models import Count, Max, Model

from ad_autocategorize.cars.titles import CatalogModel, TitleReader
from ad_autocategorize.confidence import Confidence, in_words
from ad_autocategorize.sources import AdSource
from ad_autocategorize.sources.cars import CAR_FIELDS, text_of
from ad_autocategorize.sources.fields import resolve_field
from taxonomy.catalog_version import catalog_version
from taxonomy.models import BodyType, Brand, CarModel, Color

if TYPE_CHECKING:
    from ad_autocategorize.photos.answers import CarAnswer, HeadAnswer

Pair = tuple[str, str]

# How long a name that was changed, rather than added or taken away, may go unnoticed.
LONGEST_AGE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class FieldOption:
    """A value for a field of the car form; ``value`` is what the host's form takes, ``label`` what people read."""

    value: str
    label: str
    probability: float

    @property
    def confidence(self) -> Confidence:
        """The probability in words."""
        return in_words(self.probability)


@dataclass(frozen=True, slots=True)
class FieldSuggestion:
    """The values of one field, most probable first; ``accepted`` says that the first is sure enough to be filled in."""

    options: tuple[FieldOption, ...]
    accepted: bool


class FormCatalog:
    """The car catalog and the host's own tables, as read at one moment. Immutable and safe to share between threads."""

    def __init__(self, source: AdSource) -> None:
        rows = CarModel.objects.values_list("brand__name", "name", "pk", "first_year", "last_year")
        self._rows = list(rows)
        self.pairs: list[Pair] = [(brand, name) for brand, name, *_ in self._rows]
        self._values: dict[str, Mapping[Any, str] | None] = {
            name: _form_values(source, name) for name in CAR_FIELDS if name != "car_model"
        }
        self._values["car_model"] = self._model_values(source)

    @cached_property
    def title_reader(self) -> TitleReader:
        """What finds the cars of the catalog in titles."""
        models = [CatalogModel(brand, name, first, last) for brand, name, _pk, first, last in self._rows]
        return TitleReader(models, Brand.objects.values_list("name", flat=True))

    def option(self, name: str, value: Any, probability: float) -> FieldOption | None:
        """Return an option, or ``None`` where the host's form does not know the value; a model's is (brand, model)."""
        values = self._values[name]
        label = str(value[1] if isinstance(value, tuple) else value)
        taken = label if values is None else values.get(value)
        return None if taken is None else FieldOption(taken, label, probability)

    def field(self, name: str, answer: HeadAnswer) -> FieldSuggestion | None:
        """Return a field's suggestion, or ``None`` where none of its values can be chosen."""
        options = [self.option(name, item.value, item.probability) for item in answer.options]
        known = tuple(option for option in options if option is not None)
        return FieldSuggestion(known, answer.accepted and options[0] is not None) if known else None

    def models_by_brand(self, answer: CarAnswer, never_seen: Sequence[Pair]) -> dict[str, tuple[FieldOption, ...]]:
        """Return the models of each brand, those that were never seen last."""
        ranked: dict[str, list[tuple[Pair, float]]] = {}
        for brand, options in answer.models_by_brand.items():
            ranked[brand] = [((brand, str(item.value)), item.probability) for item in options]
        for pair in never_seen:
            ranked.setdefault(pair[0], []).append((pair, 0.0))
        found = {}
        for brand, models in ranked.items():
            key = self.option("brand", brand, 0.0)
            choices = [self.option("car_model", pair, probability) for pair, probability in models]
            if key is not None:
                found[key.value] = tuple(choice for choice in choices if choice is not None)
        return found

    def models_of(self, brand_value: str) -> tuple[FieldOption, ...]:
        """Return the models of the brand that the form takes ``brand_value`` for, by name; none for no brand of the catalog."""
        values = self._values["brand"]
        names = {brand_value} if values is None else {name for name, value in values.items() if value == brand_value}
        models = [self.option("car_model", pair, 0.0) for pair in self.pairs if pair[0] in names]
        return tuple(model for model in models if model is not None)

    def _model_values(self, source: AdSource) -> Mapping[Any, str] | None:
        """Return the same as ``_form_values``, by brand and model: two brands may give theirs the same name."""
        related = _related_model(source, "car_model")
        if related is None:
            return None
        if issubclass(related, CarModel):
            return {(brand, name): str(pk) for brand, name, pk, *_ in self._rows}
        # A table of the host's own.
        values: dict[Any, str] = {}
        has_brand = "brand" in {field.name for field in related._meta.get_fields()}
        rows = related._default_manager.select_related("brand") if has_brand else related._default_manager.all()
        named = {(text_of(getattr(row, "brand", None)), text_of(row)): str(row.pk) for row in rows}
        for pair in self.pairs:
            found = named.get(pair if has_brand else ("", pair[1]))
            if found is not None:
                values[pair] = found
        return values


class _Kept:
    """The catalog read last, for as long as it holds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: tuple[Any, float, FormCatalog] | None = None

    def get(self, source: AdSource) -> FormCatalog:
        now = time.monotonic()
        try:
            state = type(source), _state(source)
        except (OperationalError, InterfaceError):
            kept = self._kept
            if kept is None or kept[0][0] is not type(source):
                raise
            # While the database is away the catalog in memory goes on.
            return kept[2]
        with self._lock:
            if self._kept is None or self._kept[0] != state or now - self._kept[1] > LONGEST_AGE_SECONDS:
                self._kept = state, now, FormCatalog(source)
            return self._kept[2]

    def forget(self) -> None:
        with self._lock:
            self._kept = None


_kept = _Kept()
forget_catalog = _kept.forget


def form_catalog(source: AdSource) -> FormCatalog:
    """Return the catalog of today, read again only when it has changed, or after a minute."""
    return _kept.get(source)


def _state(source: AdSource) -> tuple[Any, ...]:
    """Return what changes with the catalog, and with the rows of the host's own tables: one small query each."""
    tables = {_related_model(source, name) for name in CAR_FIELDS} - {None, Brand, CarModel, BodyType, Color}
    own = sorted(tables, key=lambda model: model._meta.label)  # type: ignore[union-attr]
    return (
        catalog_version(),
        *(tuple(model._default_manager.order_by().aggregate(n=Count("pk"), last=Max("pk")).values()) for model in own),  # type: ignore[union-attr]
    )


def _related_model(source: AdSource, name: str) -> type[Model] | None:
    """Return the table that a field of the ads points at; ``None`` where it holds a text or a number, or is no path."""
    if getattr(source, name) is None or not source.is_path(name):
        return None
    return getattr(resolve_field(source.ad_model(), getattr(source, name)), "related_model", None)


def _form_values(source: AdSource, name: str) -> dict[Any, str] | None:
    """Return what the form takes for each name: keys where the field is a relation, ``None`` where it takes names."""
    related = _related_model(source, name)
    if related is None:
        return None
    return {text_of(row): str(row.pk) for row in related._default_manager.all()}
