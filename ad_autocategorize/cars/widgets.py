"""What fills in the fields of a car, around the form's photo input or its title."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.widgets import Media
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ad_autocategorize.base_widgets import WrappingWidget, endpoint, module_media
from ad_autocategorize.cars.recording import CarReport
from ad_autocategorize.cars.services import car_category_values
from ad_autocategorize.recording import SUFFIX
from ad_autocategorize.sources.cars import FIELDS

READ = "read_car_photo"
NAMES = {field.name: capfirst(field.label) for field in FIELDS}


@dataclass(frozen=True, slots=True)
class Finding:
    """What photo or title say of one field: ``origin`` in words, ``differs`` what the ad says instead, where it does."""

    field: str
    label: str
    origin: str
    differs: str = ""


@dataclass(frozen=True, slots=True)
class FormNames:
    """Names of the form's fields without its prefix; ``car`` by the names of ``AdSource``, ``own`` that of the wrapped field."""

    own: str
    title: str
    category: str
    car: Mapping[str, str]


class CarWidget(WrappingWidget):
    """Wraps the host's own file input, or title. With JavaScript photo and title fill the fields; without, a button does."""

    template_name = "ad_autocategorize/car_photo.html"
    asset = "car-photo"

    def __init__(self, widget: forms.Widget, names: FormNames, prefix: str | None, *, has_photos: bool) -> None:
        super().__init__(widget, prefix)
        self.names = names
        self.has_photos = has_photos
        self.button = self.name_of(READ)
        self.report = CarReport({})
        self.message = ""
        self.found: list[Finding] = []
        self.needs_multipart_form = has_photos

    @property
    def media(self) -> Media:
        return self.widget.media + module_media(self.asset, "car-field")

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        cars = car_category_values()
        context = {
            "wrapped_widget": self.widget.render(name, value, attrs, renderer),
            "endpoint": endpoint("suggest-car"),
            "title_endpoint": endpoint("suggest-car-title"),
            "models_endpoint": endpoint("models-of-brand"),
            "button": self.button,
            "has_photos": self.has_photos,
            "own": self.names.own,
            "title_field": self.names.title,
            "category_field": self.names.category,
            "fields": json.dumps(dict(self.names.car)),
            "cars": None if cars is None else json.dumps(sorted(cars)),
            "report_name": name + SUFFIX,
            "report": self.report.to_json(),
            "message": self.message,
            "found": self.found,
        }
        return render_to_string(self.template_name, context | self.enter_context())


def in_words(confidence: str, probability: float) -> str:
    """Return where a value comes from, as the script says it too."""
    words = {"very_likely": _("very likely"), "likely": _("likely"), "maybe": _("maybe")}[confidence]
    return _("from the photo, %(confidence)s (%(percent)d %%)") % {
        "confidence": words,
        "percent": round(100 * probability),
    }
