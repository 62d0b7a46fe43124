"""What the rest of a site calls: what the photos of a car say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from django.db.models import Model
from django.utils.translation import gettext as _

from ad_autocategorize import registry
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.confidence import Confidence, in_words
from ad_autocategorize.photos.pairs import NothingLearned
from ad_autocategorize.sources import AdSource, get_source
from ad_autocategorize.sources.cars import CAR_FIELDS, FIELD_OF_HEAD
from ad_autocategorize.sources.fields import resolve_field
from taxonomy.models import CarModel

if TYPE_CHECKING:
    from PIL.Image import Image

    from ad_autocategorize.photos.answers import CarAnswer, HeadAnswer
    from ad_autocategorize.photos.predictor import PhotoPredictor

Status = Literal["car", "no_car", "no_photo", "no_model"]
Pair = tuple[str, str]

# Photos of one ad that are read; a seller puts those that show most first.
MOST_PHOTOS = 6


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


@dataclass(frozen=True, slots=True)
class CarSuggestion:
    """What the photos of one ad say.

    Attributes
    ----------
    status : "car", or why there are no fields: "no_car" to be seen, "no_photo" given, "no_model" trained.
    fields : by the names of ``AdSource``; every brand-model pair among them is one of the car catalog.
    models_by_brand : the models to choose from once a brand is chosen, by the form value of the brand, the most probable first.
        A model with the probability 0 was never seen in training.
    twins : cars that look the same as the first one, since they are the same under another badge.
    photos_disagree : whether the photos seem to show different cars; nothing is filled in then.
    """

    status: Status
    fields: dict[str, FieldSuggestion] = field(default_factory=dict)
    models_by_brand: dict[str, tuple[FieldOption, ...]] = field(default_factory=dict)
    twins: tuple[str, ...] = ()
    photos_used: int = 0
    photos_disagree: bool = False
    model_version: str | None = None

    @property
    def message(self) -> str:
        """The outcome in the words of the seller's language."""
        if self.photos_disagree:
            return _("These photos disagree: they seem to show different cars. Keep those of the car that you sell.")
        return {
            "car": _("Filled in from the photo. Please check."),
            "no_car": _("No car can be made out in the photo. Try one that shows the whole car."),
            "no_photo": _("Choose a photo of the car first."),
            "no_model": _("Photos cannot be read yet; fill in the fields yourself."),
        }[self.status]


def suggest_car(photos: Sequence[Image], *, limit: int | None = None) -> CarSuggestion:
    """Return up to ``limit`` values for each field of a car, from one or several decoded photos of it.

    Only brands and models of the car catalog are suggested, as it is now, whatever it was in training.
    """
    predictor = registry.active_predictor()
    if predictor is None:
        return CarSuggestion("no_model")
    if not photos:
        return CarSuggestion("no_photo", model_version=predictor.version)
    source = get_source()
    catalog = _Catalog(source)
    try:
        answer = predictor.predict(
            photos,
            table=catalog.pairs or None,
            twins=[[(brand, model) for brand, model in group] for group in plugin_settings.TWIN_CARS],
            limit=limit or plugin_settings.SUGGESTION_COUNT,
        )
    except NothingLearned:
        return CarSuggestion("no_model", model_version=predictor.version)
    if not answer.is_car:
        return CarSuggestion("no_car", model_version=predictor.version)
    return _present(answer, catalog, predictor)


def _present(answer: CarAnswer, catalog: _Catalog, predictor: PhotoPredictor) -> CarSuggestion:
    fields = {}
    for head, name in FIELD_OF_HEAD.items():
        if suggestion := catalog.field(name, answer.heads[head]):
            fields[name] = suggestion
    return CarSuggestion(
        "car",
        fields,
        catalog.models_by_brand(answer, predictor.manifest.vocabularies.never_seen(catalog.pairs)),
        tuple(" ".join(pair) for pair in answer.twins),
        answer.photos_used,
        answer.disagree,
        predictor.version,
    )


class _Catalog:
    """The car catalog of today, and what the host's form takes for its rows."""

    def __init__(self, source: AdSource) -> None:
        rows = list(CarModel.objects.values_list("brand__name", "name", "pk"))
        self.pairs: list[Pair] = [(brand, name) for brand, name, _pk in rows]
        self._values: dict[str, Mapping[Any, str] | None] = {name: _form_values(source, name) for name in CAR_FIELDS}
        if self._values["car_model"] is not None:
            self._values["car_model"] = {(brand, name): str(pk) for brand, name, pk in rows}

    def option(self, name: str, value: Any, probability: float) -> FieldOption | None:
        """Return an option, or ``None`` where the host's form does not know the value."""
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


def _form_values(source: AdSource, name: str) -> dict[Any, str] | None:
    """Return what the form takes for each name: keys where the field is a relation, ``None`` where it takes names."""
    if getattr(source, name) is None or not source.is_path(name):
        return None
    related: type[Model] | None = getattr(
        resolve_field(source.ad_model(), getattr(source, name)), "related_model", None
    )
    if related is None:
        return None
    return {str(getattr(row, "name", row)): str(row.pk) for row in related._default_manager.all()}
