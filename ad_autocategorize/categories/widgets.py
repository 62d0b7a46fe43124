"""The title input with category suggestions below it, and the category's select as one select per level."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.forms.widgets import Media
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ad_autocategorize.base_widgets import WrappingWidget, endpoint, module_media
from ad_autocategorize.categories.recording import SuggestionReport
from ad_autocategorize.categories.services import CategorySuggestions, active_tree, form_value, hears_photos
from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.recording import SUFFIX
from ad_autocategorize.sources import HostCategory, using_source
from ad_autocategorize.sources.registered import current_source_name, source_names

SUGGEST = "suggest_category"
TAKE = "take_category"


class CategorySuggestionWidget(WrappingWidget):
    """Wraps the title widget and renders the suggestions after it.

    With JavaScript they appear as the title is typed; without, a button of the form asks for them.
    """

    template_name = "ad_autocategorize/category_suggestions.html"
    asset = "category-suggestions"

    def __init__(self, widget: forms.Widget, title_field: str, category_field: str, prefix: str | None) -> None:
        super().__init__(widget, prefix)
        self.title_field = title_field
        self.category_field = category_field
        self.answer: CategorySuggestions | None = None
        self.report: SuggestionReport | None = None
        self.source_name = ""
        #: Name of the form's file field, "" where it has none; and what is to be said of the photos in it.
        self.photo_field = ""
        self.message = ""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        with using_source(self.source_name or current_source_name()):
            heard = bool(self.photo_field) and hears_photos()
        context = {
            "photo_field": self.photo_field if heard else "",
            "message": self.message,
            "title_widget": self.widget.render(name, value, attrs, renderer),
            "title_field": self.title_field,
            "category_field": self.category_field,
            "endpoint": endpoint("suggest-category", source_name=self.source_name),
            "report_name": self.name_of(self.category_field) + SUFFIX,
            "report": self.report.to_json() if self.report else "",
            "suggest_name": self.name_of(SUGGEST),
            "take_name": self.name_of(TAKE),
            "answer": self.answer,
            "limit": plugin_settings.SUGGESTION_COUNT,
        }
        return render_to_string(self.template_name, context | self.enter_context())


class CategoryPickerWidget(forms.Select):
    """A select of categories that a script shows as one select per level. The plain select stays the form's field.

    For any field with the categories as choices: ``widgets = {"category": CategoryPickerWidget}``. Where they stand in their
    tree is read off the taxonomy, all at once; a choice that it does not hold stands at the first level.
    """

    @property
    def media(self) -> Media:
        return module_media("category-picker")

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        return format_html("<aac-picker>{}</aac-picker>", super().render(name, value, attrs, renderer))

    def category_paths(self) -> Mapping[str, Sequence[HostCategory]]:
        """Return the path of each choice by its value, the main category first. Override it for a tree of your own.

        Keys of the steps are compared with one another only: they need not be the values of the choices.
        """
        with using_source(self._source_name()) as source:
            tree = active_tree()
        steps = {pk: HostCategory(str(pk), tree.name(pk)) for pk in tree}
        values = {pk: form_value(pk, tree, source) for pk in tree}
        # A category that the host's own tables do not have has no value.
        return {value: [steps[step] for step in tree.path_ids(pk)] for pk, value in values.items() if value}

    def _source_name(self) -> str:
        """Return the source whose ads point at the table that is chosen from, or else the current one."""
        model = getattr(getattr(self.choices, "queryset", None), "model", None)
        for name in source_names() if model is not None else ():
            with using_source(name) as source:
                if source.host_category_model() is model:
                    return name
        return current_source_name()

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
