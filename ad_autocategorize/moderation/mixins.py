"""``CategoryCheckMixin``: one line that shows a host's moderators what the model thinks of an ad's category."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.checks import CheckMessage, Warning
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ad_autocategorize.moderation.labels.checking import CategoryCheck, check_categories
from ad_autocategorize.moderation.queue.blind import is_blind
from ad_autocategorize.moderation.queue.read_only import CAN_REVIEW
from ad_autocategorize.sources import AdSource, SourceError, get_source, using_source
from ad_autocategorize.sources.registered import current_source_name, source_name_of

if TYPE_CHECKING:
    _Base = admin.ModelAdmin
else:
    _Base = object

FIELD = "category_check"


class CategoryCheckMixin(_Base):
    """Put it before ``admin.ModelAdmin`` of the ads' admin.

    The ad's page gains a read-only field below the category with the suggested one, and a warning where it differs and is very
    likely; name "category_check" in ``fields`` or ``fieldsets`` to have it elsewhere. Put
    "category_check" into ``list_display`` to have it in the list too: one look at the model for the whole page. Nothing is said
    to a moderator in blind mode.
    """

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Warn if the admin is for another model than the source's ads: its keys would be taken for keys of ads."""
        found = super().check(**kwargs)
        try:
            name, ads = source_name_of(self.model), get_source().ad_model()
        except SourceError:
            # The system checks of the settings report it.
            return found
        if name is None:
            message = f"CategoryCheckMixin is for the admin of {ads._meta.label}, the ads of the source."
            hint = f"Take it out of the admin of {self.model._meta.label}."
            found = [*found, Warning(message, hint=hint, obj=type(self), id="ad_autocategorize.W004")]
        return found

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), FIELD]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_fields(request, obj)
        # Where the host names none, Django puts read-only ones last, far from what they are about.
        return fields if self.fields else [field for field in fields if field != FIELD]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = list(super().get_fieldsets(request, obj))
        if any(FIELD in _flat(options["fields"]) for _name, options in fieldsets):
            return fieldsets
        with self._source() as source:
            category = source.form_field("category")
        for place, (name, options) in enumerate(fieldsets):
            fields = list(options["fields"])
            row = next((number for number, field in enumerate(fields) if category in _flat([field])), None)
            if row is not None:
                fields.insert(row + 1, FIELD)
                fieldsets[place] = (name, {**options, "fields": fields})
                return fieldsets
        fieldsets.insert(1, (None, {"fields": [FIELD]}))
        return fieldsets

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        base: Any = super().get_changelist(request, **kwargs)
        return type("CheckedList", (_CheckedList, base), {}) if FIELD in self.get_list_display(request) else base

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            with self._source():
                _attach_checks([obj], request)
        return super().render_change_form(request, context, add=add, change=change, form_url=form_url, obj=obj)

    def _source(self) -> AbstractContextManager[AdSource]:
        return using_source(source_name_of(self.model) or current_source_name())

    @admin.display(description=gettext_lazy("category check"))
    def category_check(self, ad: Any) -> str:
        """Return what was found for the page; an ad that is being added has nothing yet."""
        return getattr(ad, "_category_check", "")


class _CheckedList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        # ``list`` fills the queryset's cache, so that the page shows these very objects, with their checks. The result stays a
        # queryset, as ``list_editable`` needs it.
        with using_source(source_name_of(self.model) or current_source_name()):
            _attach_checks(list(self.result_list), request)


def _attach_checks(ads: Sequence[Any], request: HttpRequest) -> None:
    """Give each ad the text to show, in a few queries for all; a moderator in blind mode is shown none."""
    if is_blind(request):
        texts = {ad.pk: _("hidden in blind mode") for ad in ads}
    else:
        checks, may_review = check_categories(ads), request.user.has_perm(CAN_REVIEW)
        texts = {key: _render(check, may_review) for key, check in checks.items()}
    for ad in ads:
        ad._category_check = texts.get(ad.pk) or _("nothing to say")


def _render(check: CategoryCheck, may_review: bool) -> str:
    share = f"{check.probability:.0%}"
    if check.agrees:
        text = format_html("✓ {}", _("agrees (%(share)s)") % {"share": share})
    elif check.warns:
        said = _("very likely: %(path)s (%(share)s)") % {"path": check.path, "share": share}
        text = format_html("<strong>⚠ {}</strong>", said)
    else:
        text = format_html("{} ({})", check.path, share)
    if check.review_url and may_review:
        # A line of its own: within a text, color alone would tell the link.
        text = format_html('{}<div><a href="{}">{}</a></div>', text, check.review_url, _("in the review queue"))
    return text


def _flat(fields: Any) -> list[str]:
    return [name for field in fields for name in (field if isinstance(field, list | tuple) else [field])]
