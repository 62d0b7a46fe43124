"""``CategoryCheckMixin``: one line that shows a host's moderators what the model thinks of an ad's category."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ad_autocategorize.moderation.checking import CategoryCheck, check_categories

if TYPE_CHECKING:
    _Base = admin.ModelAdmin
else:
    _Base = object

FIELD = "category_check"


class CategoryCheckMixin(_Base):
    """Put it before ``admin.ModelAdmin`` of the ads' admin.

    The ad's page gains a read-only field with the suggested category, and a warning where it differs and is very likely. Put
    "category_check" into ``list_display`` to have it in the list too: one look at the model for the whole page.
    """

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), FIELD]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = list(super().get_fieldsets(request, obj))
        named = {field for _name, options in fieldsets for field in _flat(options["fields"])}
        if FIELD not in named:
            fieldsets.insert(1, (None, {"fields": [FIELD]}))
        return fieldsets

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        base: Any = super().get_changelist(request, **kwargs)
        return type("CheckedList", (_CheckedList, base), {}) if FIELD in self.get_list_display(request) else base

    @admin.display(description=gettext_lazy("category check"))
    def category_check(self, ad: Any) -> str:
        """Return the suggestion as HTML; the list has looked its page's ads up already."""
        if ad.pk is None:
            return ""
        check = ad._category_check if hasattr(ad, "_category_check") else check_categories([ad]).get(ad.pk)
        return _render(check)


class _CheckedList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        checks = check_categories(self.result_list)
        for ad in self.result_list:
            ad._category_check = checks.get(ad.pk)


def _render(check: CategoryCheck | None) -> str:
    if check is None:
        return _("nothing to say")
    if check.agrees:
        return format_html("✓ {}", f"{check.probability:.0%}")
    mark = "⚠ " if check.warns else ""
    text = format_html("{}{} ({})", mark, check.path, f"{check.probability:.0%}")
    if check.warns:
        text = format_html("<strong>{}</strong>", text)
    return format_html('<a href="{}">{}</a>', check.review_url, text) if check.review_url else text


def _flat(fields: Any) -> list[str]:
    return [name for field in fields for name in (field if isinstance(field, list | tuple) else [field])]
