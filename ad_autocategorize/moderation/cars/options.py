"""The values that a moderator may choose for a car's field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from unicodedata import decimal

from django.utils.translation import gettext as _

from ad_autocategorize.models import CarIssue, car_text
from ad_autocategorize.moderation.cars.catalog import Catalog
from ad_autocategorize.moderation.queue.deciding import ChoiceRefused
from ad_autocategorize.moderation.queue.numbers import small_number
from ad_autocategorize.sources import AdSource
from taxonomy.models import BodyType, Brand, CarModel, Color

FIRST_YEAR = 1886  # the first car


@dataclass(frozen=True, slots=True)
class Option:
    """Values that go together, by field."""

    values: Mapping[str, str]

    @property
    def key(self) -> str:
        """What a form sends for it."""
        return json.dumps(self.values, ensure_ascii=False, sort_keys=True)

    @property
    def label(self) -> str:
        """What a person reads."""
        return car_text(self.values)


def possible_values(issue: CarIssue, catalog: Catalog) -> list[Option]:
    """Return what the catalog expects where that is several values; what is suggested needs no choice."""
    car = {issue.field: issue.stated, **issue.car}
    if issue.suggested or issue.evidence != CarIssue.Evidence.CATALOG or issue.field not in ("brand", "body_type"):
        return []
    names = catalog.makers(car.get("car_model", "")) if issue.field == "brand" else catalog.body_types(car)
    return [Option({issue.field: name}) for name in names]


def all_values(issue: CarIssue, source: AdSource, catalog: Catalog) -> list[Option]:
    """Return every value on the lists of the site; none where any text will do, as for years."""
    field = issue.field
    if is_pair(issue, source):
        return pairs(catalog)
    if field == "body_type" and (bodies := catalog.body_types(issue.car)):
        return [Option({field: name}) for name in bodies]
    tables = {"brand": Brand, "car_model": CarModel, "body_type": BodyType, "color": Color}
    if field not in tables:
        return []
    names = tables[field]._default_manager.order_by("name").values_list("name", flat=True).distinct()
    return [Option({field: name}) for name in names]


def is_pair(issue: CarIssue, source: AdSource) -> bool:
    """Return whether brand and model are chosen together."""
    return issue.field in ("brand", "car_model") and bool(source.brand and source.car_model)


def pairs(catalog: Catalog, brands: Iterable[str] | None = None) -> list[Option]:
    """Return the cars of the catalog, or of some brands."""
    return [Option({"brand": brand, "car_model": model}) for brand, model in catalog.pairs(brands)]


def pressed_values(key: str, issue: CarIssue, catalog: Catalog) -> Mapping[str, str]:
    """Return the values of the button that was pressed. Raises ``ChoiceRefused`` where the page has none such."""
    for option in possible_values(issue, catalog):
        if option.key == key:
            return option.values
    raise ChoiceRefused(_("Choose a value first."))


def chosen_values(text: str, issue: CarIssue, source: AdSource, catalog: Catalog) -> Mapping[str, str]:
    """Return the values that were chosen from the list, or typed where there is none. Raises ``ChoiceRefused``."""
    options = all_values(issue, source, catalog)
    for option in options:
        if option.key == text:
            return option.values
    text = text.strip()
    if options or not text:
        raise ChoiceRefused(_("Choose a value first."))
    if issue.field == "year":
        # Whatever digits the moderator's keyboard has: the ad says it in those of all years.
        year = small_number("".join(str(decimal(sign, -1)) for sign in text))
        if year is None or not FIRST_YEAR <= year <= date.today().year + 1:
            raise ChoiceRefused(_("Give a year such as 2010."))
        text = str(year)
    return {issue.field: text}
