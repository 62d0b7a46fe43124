"""The title input with category suggestions below it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.widgets import Media
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.datastructures import MultiValueDict
from django.utils.safestring import SafeString

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.services import CategorySuggestions

SUGGEST = "suggest_category"
TAKE = "take_category"


class CategorySuggestionWidget(forms.Widget):
    """Wraps the host's own title widget, as the admin wraps a select, and renders the suggestions after it.

    With JavaScript they appear as the title is typed; without, a button of the form asks for them.
    """

    template_name = "ad_autocategorize/category_suggestions.html"

    def __init__(self, widget: forms.Widget, category_field: str, prefix: str | None) -> None:
        super().__init__(widget.attrs)
        self.widget = widget
        self.category_field = category_field
        self.prefix = prefix
        self.answer: CategorySuggestions | None = None
        self.needs_multipart_form = widget.needs_multipart_form
        self.is_required = widget.is_required

    @property
    def media(self) -> Media:
        own = Media(
            css={"all": ["ad_autocategorize/category-suggestions.css"]},
            js=[forms.Script("ad_autocategorize/category-suggestions.js", type="module")],  # type: ignore[list-item]
        )
        return self.widget.media + own

    @property
    def is_hidden(self) -> bool:
        return self.widget.is_hidden

    def name_of(self, button: str) -> str:
        """Return the name under which one of the buttons is posted."""
        return f"{self.prefix}-{button}" if self.prefix else button

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        identifier = (attrs or {}).get("id") or f"id_{name}"
        attributes = {**(attrs or {}), "autocomplete": "off", "maxlength": self._max_length(attrs)}
        context = {
            "title_widget": self.widget.render(name, value, {k: v for k, v in attributes.items() if v}, renderer),
            "id": identifier,
            "category_name": self.category_field,
            "endpoint": self._endpoint(),
            "suggest_name": self.name_of(SUGGEST),
            "take_name": self.name_of(TAKE),
            "answer": self.answer,
            "limit": plugin_settings.SUGGESTION_COUNT,
        }
        return render_to_string(self.template_name, context)

    def value_from_datadict(self, data: Mapping[str, Any], files: MultiValueDict[str, Any], name: str) -> Any:
        return self.widget.value_from_datadict(data, files, name)

    def value_omitted_from_data(self, data: Mapping[str, Any], files: MultiValueDict[str, Any], name: str) -> bool:
        return self.widget.value_omitted_from_data(data, files, name)

    def id_for_label(self, id_: str) -> str:
        return self.widget.id_for_label(id_)

    def _max_length(self, attrs: dict[str, Any] | None) -> Any:
        return (attrs or {}).get("maxlength") or self.widget.attrs.get("maxlength")

    @staticmethod
    def _endpoint() -> str:
        try:
            return reverse("ad_autocategorize:suggest-category")
        except NoReverseMatch:
            # The host has not mounted the API: the button remains.
            return ""
