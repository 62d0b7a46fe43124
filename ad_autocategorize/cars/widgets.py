"""The photo input that fills in the fields of a car."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from ad_autocategorize.base_widgets import WrappingWidget, endpoint
from ad_autocategorize.cars.recording import CarReport
from ad_autocategorize.cars.services import CarSuggestion, FieldOption
from ad_autocategorize.recording import SUFFIX
from ad_autocategorize.sources.cars import FIELDS

READ = "read_car_photo"
NAMES = {field.name: capfirst(field.label) for field in FIELDS}


class CarPhotoWidget(WrappingWidget):
    """Wraps the host's own file input. With JavaScript choosing a photo fills the fields; without, a button does."""

    template_name = "ad_autocategorize/car_photo.html"
    asset = "car-photo"

    def __init__(self, widget: forms.Widget, fields: Mapping[str, str], prefix: str | None) -> None:
        super().__init__(widget, prefix)
        self.fields = fields
        self.button = self.name_of(READ)
        self.answer: CarSuggestion | None = None
        self.report = CarReport({})
        # Fields that the answer was put into.
        self.filled: set[str] = set()
        self.refused = ""
        self.needs_multipart_form = True

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        identifier = (attrs or {}).get("id") or f"id_{name}"
        context = {
            "photo_widget": self.widget.render(name, value, attrs, renderer),
            "id": identifier,
            "endpoint": endpoint("suggest-car"),
            "button": self.button,
            "fields": json.dumps(dict(self.fields)),
            "report_name": name + SUFFIX,
            "report": self.report.to_json(),
            "answer": self.answer,
            "refused": self.refused,
            "found": self._found(),
        }
        return render_to_string(self.template_name, context)

    def _found(self) -> list[tuple[str, FieldOption]]:
        """Return what was filled in, with the name of each field."""
        fields = self.answer.fields if self.answer else {}
        return [(str(NAMES[name]), field.options[0]) for name, field in fields.items() if name in self.filled]
