"""What the widgets of categories and of cars share, and the photo input."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.forms.widgets import Media
from django.urls import NoReverseMatch, reverse
from django.utils.datastructures import MultiValueDict
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _


class WrappingWidget(forms.Widget):
    """Wraps a widget of the host's own form, as the admin wraps a select; a subclass renders something around it."""

    #: Name of the stylesheet and of the script module in ``static/ad_autocategorize/``.
    asset: str
    #: Name and value of the button of the host's that Enter presses; a nameless one for ``None``.
    enter_button: tuple[str, str] | None = None

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

    def enter_context(self) -> dict[str, str]:
        """Return what ``enter_button.html`` needs.

        Browsers press a form's first submit button for Enter in a field: that must be none of the plugin's own.
        """
        name, value = self.enter_button or ("", "")
        return {"enter_name": name, "enter_value": value}

    def value_from_datadict(self, data: Mapping[str, Any], files: MultiValueDict[str, Any], name: str) -> Any:
        return self.widget.value_from_datadict(data, files, name)

    def value_omitted_from_data(self, data: Mapping[str, Any], files: MultiValueDict[str, Any], name: str) -> bool:
        return self.widget.value_omitted_from_data(data, files, name)

    def id_for_label(self, id_: str) -> str:
        return self.widget.id_for_label(id_)

    def use_required_attribute(self, initial: Any) -> bool:
        return self.widget.use_required_attribute(initial)


class PhotoInput(forms.ClearableFileInput):
    """A file input that shows the chosen photos, and takes in those dropped, pasted or taken with the camera.

    Without JavaScript it is a plain file input. ``attrs={"data-most": 6}`` keeps a form with more photos from being sent.
    """

    @property
    def media(self) -> Media:
        return module_media("photo-input")

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        return format_html("<aac-photo-input>{}</aac-photo-input>", super().render(name, value, attrs, renderer))

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


def module_media(asset: str, *needed: str) -> Media:
    """Return the stylesheet and the script module of this name, behind what all of them share and the modules it needs."""
    scripts = [forms.Script(f"ad_autocategorize/{name}.js", type="module") for name in ("host-form", *needed, asset)]
    return Media(css={"all": [f"ad_autocategorize/{asset}.css"]}, js=scripts)  # type: ignore[arg-type]


def endpoint(name: str, *args: str, source_name: str = "") -> str:
    """Return the address of a view of the API, asked about one of several sources.

    Nothing where the host has not mounted it: the button remains.
    """
    try:
        query = f"?{urlencode({'source': source_name})}" if source_name else ""
        return reverse(f"ad_autocategorize:{name}", args=args) + query
    except NoReverseMatch:
        return ""
