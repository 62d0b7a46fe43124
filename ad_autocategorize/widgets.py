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
from ad_autocategorize.recording import SUFFIX, SuggestionReport
from ad_autocategorize.services import CategorySuggestions

SUGGEST = "suggest_category"
TAKE = "take_category"


class WrappingWidget(forms.Widget):
    """Wraps a widget of the host's own form, as the admin wraps a select; a subclass renders something around it."""

    #: Name of the stylesheet and of the script module in ``static/ad_autocategorize/``.
    asset: str

    def __init__(self, widget: forms.Widget, prefix: str | None) -> None:
        super().__init__(widget.attrs)
        self.widget = widget
        self.prefix = prefix
        self.needs_multipart_form = widget.needs_multipart_form
        self.is_required = widget.is_required

    @property
    def media(self) -> Media:
        own = Media(
            css={"all": [f"ad_autocategorize/{self.asset}.css"]},
            js=[forms.Script(f"ad_autocategorize/{self.asset}.js", type="module")],  # type: ignore[list-item]
        )
        return self.widget.media + own

    @property
    def is_hidden(self) -> bool:
        return self.widget.is_hidden

    def name_of(self, button: str) -> str:
        """Return the name under which one of the buttons is posted."""
        return f"{self.prefix}-{button}" if self.prefix else button

    def value_from_datadict(self, data: Mapping[str, Any], files: MultiValueDict[str, Any], name: str) -> Any:
        return self.widget.value_from_datadict(data, files, name)

    def value_omitted_from_data(self, data: Mapping[str, Any], files: MultiValueDict[str, Any], name: str) -> bool:
        return self.widget.value_omitted_from_data(data, files, name)

    def id_for_label(self, id_: str) -> str:
        return self.widget.id_for_label(id_)

    def use_required_attribute(self, initial: Any) -> bool:
        return self.widget.use_required_attribute(initial)


class CategorySuggestionWidget(WrappingWidget):
    """Wraps the title widget and renders the suggestions after it.

    With JavaScript they appear as the title is typed; without, a button of the form asks for them.
    """

    template_name = "ad_autocategorize/category_suggestions.html"
    asset = "category-suggestions"

    def __init__(self, widget: forms.Widget, category_field: str, prefix: str | None) -> None:
        super().__init__(widget, prefix)
        self.category_field = category_field
        self.answer: CategorySuggestions | None = None
        self.report: SuggestionReport | None = None

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        # Browsers' own history of earlier titles would cover the suggestions.
        attributes = {**(attrs or {}), "autocomplete": "off"}
        context = {
            "title_widget": self.widget.render(name, value, attributes, renderer),
            "id": attributes.get("id") or f"id_{name}",
            "category_name": self.category_field,
            "endpoint": endpoint("suggest-category"),
            "report_name": self.category_field + SUFFIX,
            "report": self.report.to_json() if self.report else "",
            "suggest_name": self.name_of(SUGGEST),
            "take_name": self.name_of(TAKE),
            "answer": self.answer,
            "limit": plugin_settings.SUGGESTION_COUNT,
        }
        return render_to_string(self.template_name, context)


def endpoint(name: str) -> str:
    """Return the address of a view of the API, or nothing where the host has not mounted it: the button remains."""
    try:
        return reverse(f"ad_autocategorize:{name}")
    except NoReverseMatch:
        return ""
