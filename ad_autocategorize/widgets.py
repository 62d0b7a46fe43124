"""The title input with category suggestions below it, and the category's select as one select a level."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.forms.widgets import Media
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.datastructures import MultiValueDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ad_autocategorize.categories.services import CategorySuggestions, active_tree, form_value
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.recording import SUFFIX, SuggestionReport
from ad_autocategorize.sources import HostCategory, get_source

SUGGEST = "suggest_category"
TAKE = "take_category"


class WrappingWidget(forms.Widget):
    """Wraps a widget of the host's own form, as the admin wraps a select; a subclass renders something around it."""

    #: Name of the stylesheet and of the script module in ``static/ad_autocategorize/``.
    asset: str

    def __init__(self, widget: forms.Widget, prefix: str | None) -> None:
        super().__init__()
        self.widget = widget
        # The same dictionary: a form that gives its title a class later on means the input.
        self.attrs = widget.attrs
        self.prefix = prefix
        self.needs_multipart_form = widget.needs_multipart_form
        self.is_required = widget.is_required

    def __deepcopy__(self, memo: dict[int, Any]) -> WrappingWidget:
        copied = super().__deepcopy__(memo)
        copied.widget = copy.deepcopy(self.widget, memo)
        copied.attrs = copied.widget.attrs
        return copied

    @property
    def media(self) -> Media:
        return self.widget.media + module_media(self.asset)

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


class CategoryPickerWidget(forms.Select):
    """A select of categories that a script shows as one select a level. The plain select stays the form's field.

    For any field with the categories as choices: ``widgets = {"category": CategoryPickerWidget}``. Where they stand in their
    tree is read off the taxonomy, all at once; a choice that it does not hold stands at the first level.
    """

    @property
    def media(self) -> Media:
        return module_media("category-picker")

    def category_paths(self) -> Mapping[str, Sequence[HostCategory]]:
        """Return the path of each choice by its value, the main category first. Override it for a tree of your own.

        Keys of the steps are compared with one another only: they need not be the values of the choices.
        """
        tree, source = active_tree(), get_source()
        steps = {pk: HostCategory(str(pk), tree.name(pk)) for pk in tree}
        values = {pk: form_value(pk, tree, source) for pk in tree}
        # A category that the host's own tables do not have has no value.
        return {value: [steps[step] for step in tree.path_ids(pk)] for pk, value in values.items() if value}

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        options = [option for _group, group, _index in context["widget"]["optgroups"] for option in group]
        context["widget"]["attrs"] |= {
            "data-aac-picker": True,
            "data-groups": json.dumps(_place(options, self.category_paths())),
            "data-text-main": _("Main category"),
            "data-text-choose": _("Choose…"),
            "data-text-within": _("Within %name"),
            "data-text-stay": _("%name, nothing narrower"),
            "data-text-more": _("%n to choose from within %name"),
        }
        return context


class PhotoInput(forms.ClearableFileInput):
    """A file input that shows the chosen photos, and takes in those dropped, pasted or taken with the camera.

    Without JavaScript it is a plain file input. ``attrs={"data-most": 6}`` keeps a form with more photos from being sent.
    """

    @property
    def media(self) -> Media:
        return module_media("photo-input")

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["attrs"] |= {
            "data-aac-photos": True,
            "data-text-hint": _("You can drop or paste photos here too."),
            "data-text-camera": _("Take a photo"),
            "data-text-list": _("Chosen photos"),
            "data-text-photo": _("Photo %n: %name"),
            "data-text-remove": _("Remove %name"),
            "data-text-chosen": _("Photos chosen: %n"),
            "data-text-refused": _("Only photos of the kinds allowed here can be added."),
            "data-text-most": _("At most %n photos, please. Remove some."),
        }
        return context


def _place(options: Iterable[dict[str, Any]], paths: Mapping[str, Sequence[HostCategory]]) -> dict[str, list[str]]:
    """Give each option its name and its parent's key, and return name and parent of the steps that are no options themselves."""
    placed = [(option, paths[str(option["value"])]) for option in options if str(option["value"]) in paths]
    values = {path[-1].external_id: str(option["value"]) for option, path in placed}
    groups: dict[str, list[str]] = {}

    def key(step: HostCategory) -> str:
        return values.get(step.external_id) or f"group {step.external_id}"

    for option, path in placed:
        parents = ["", *(key(step) for step in path)]
        option["attrs"] |= {"data-name": path[-1].name, "data-parent": parents[-2]}
        for step, parent in zip(path, parents, strict=False):
            if step.external_id not in values:
                groups[key(step)] = [step.name, parent]
    return groups


def module_media(asset: str) -> Media:
    """Return the stylesheet and the script module of this name."""
    return Media(
        css={"all": [f"ad_autocategorize/{asset}.css"]},
        js=[forms.Script(f"ad_autocategorize/{asset}.js", type="module")],  # type: ignore[list-item]
    )


def endpoint(name: str) -> str:
    """Return the address of a view of the API, or nothing where the host has not mounted it: the button remains."""
    try:
        return reverse(f"ad_autocategorize:{name}")
    except NoReverseMatch:
        return ""
