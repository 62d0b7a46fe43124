"""What the rest of a site calls: what the photos of a car, and its title, say of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from django.utils import timezone
from django.utils.translation import gettext as _

from ad_autocategorize import registry
from ad_autocategorize.cars.form_catalog import FieldOption, FieldSuggestion, FormCatalog, form_catalog
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.metrics import NO_MODEL, NOTHING, SUGGESTED, count_suggestions
from ad_autocategorize.photos.pairs import NothingLearned
from ad_autocategorize.sources import AdSource
from ad_autocategorize.sources.cars import FIELD_OF_HEAD
from ad_autocategorize.sources.registered import car_source
from taxonomy.locking import recent_version
from taxonomy.tree import CategoryTree

if TYPE_CHECKING:
    from PIL.Image import Image

    from ad_autocategorize.photos.answers import CarAnswer
    from ad_autocategorize.photos.predictor import PhotoPredictor

Status = Literal["car", "no_car", "no_photo", "no_model"]


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
    began = time.perf_counter()
    answer = _suggest_car(photos, limit)
    if answer.status != "no_photo":
        outcome = {"car": SUGGESTED, "no_car": NOTHING, "no_model": NO_MODEL}[answer.status]
        stale = registry.predictor_state().is_stale
        count_suggestions("photos", [outcome], time.perf_counter() - began, stale=stale)
    return answer


def _suggest_car(photos: Sequence[Image], limit: int | None) -> CarSuggestion:
    predictor = registry.active_predictor()
    if predictor is None:
        return CarSuggestion("no_model")
    if not photos:
        return CarSuggestion("no_photo", model_version=predictor.version)
    source = car_source()
    catalog = form_catalog(source)
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


def _present(answer: CarAnswer, catalog: FormCatalog, predictor: PhotoPredictor) -> CarSuggestion:
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


def read_car_title(title: str, *, is_car: bool) -> dict[str, FieldSuggestion]:
    """Return what a title says of brand, model and year, for the fields of a car by the names of ``AdSource``.

    ``is_car`` says that the ad is one of a car. Without it brand and model have to be named both: "for a Ford" stands on spare
    parts too. What is named is meant: every suggestion is accepted, with the probability 1.
    """
    catalog = form_catalog(car_source())
    cut = title[: plugin_settings.MAX_TITLE_LENGTH]
    found = catalog.title_reader.read(cut, is_car=is_car, this_year=timezone.now().year)
    named: dict[str, Any] = {"brand": found.brand, "year": found.year}
    if found.model is not None:
        named["car_model"] = (found.brand, found.model)
    options = {
        name: catalog.option(name, value if isinstance(value, tuple) else str(value), 1.0)
        for name, value in named.items()
        if value is not None
    }
    return {name: FieldSuggestion((option,), True) for name, option in options.items() if option is not None}


def models_of_brand(brand_value: str) -> tuple[FieldOption, ...]:
    """Return the models to choose from once a brand is chosen, by the form value of the brand."""
    return form_catalog(car_source()).models_of(brand_value)


def car_category_values() -> frozenset[str] | None:
    """Return what the form's category field takes for categories of cars; ``None`` where the source does not tell them apart."""
    return _car_category_values(type(car_source()), recent_version())  # type: ignore[arg-type]  # classes can be hashed


@lru_cache(maxsize=8)
def _car_category_values(kind: type[AdSource], taxonomy_version: int) -> frozenset[str] | None:
    """Return the values as of a version of the taxonomy, read again only when that has changed."""
    source, tree = kind(), CategoryTree.load()
    if not source.tells_cars_apart:
        return None
    cars = {pk for pk in tree if source.is_for_cars(tree.path_names(pk))}
    below = [pk for pk in tree if not cars.isdisjoint(tree.path_ids(pk))]
    if source.uses_taxonomy:
        return frozenset(map(str, below))
    return frozenset(filter(None, (source.form_value(tree.external_id(pk) or "") for pk in below)))
