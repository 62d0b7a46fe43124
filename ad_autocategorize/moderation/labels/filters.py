"""The filters of the queue of ads that look mislabelled."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ad_autocategorize.models import LabelIssue
from ad_autocategorize.sources.registered import source_names
from taxonomy.models import Category


class SourceFilter(admin.SimpleListFilter):
    """The kind of ads, where a site has several."""

    title = _("kind of ads")
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        # With one choice Django shows no filter.
        names = source_names()
        return [(name, name) for name in names] if len(names) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[LabelIssue]) -> QuerySet[LabelIssue]:
        return queryset.filter(source=self.value()) if self.value() else queryset


class SeverityFilter(admin.SimpleListFilter):
    """Where the paths part: a wrong main category costs the seller every buyer, a wrong last step few."""

    title = _("severity")
    parameter_name = "level"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("wrong main category")), ("2", _("wrong second level")), ("3", _("wrong further down"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LabelIssue]) -> QuerySet[LabelIssue]:
        if self.value() in ("1", "2"):
            return queryset.filter(level=int(self.value() or 0))
        return queryset.filter(level__gte=3) if self.value() == "3" else queryset


class BranchFilter(admin.SimpleListFilter):
    """The main category that the ad is filed under."""

    title = _("main category")
    parameter_name = "branch"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(str(pk), name) for pk, name in Category.objects.filter(parent=None).values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LabelIssue]) -> QuerySet[LabelIssue]:
        if not self.value():
            return queryset
        # A number may be longer than the database takes: only what is offered is asked for.
        offered = {pk for pk, _name in self.lookup_choices}
        return queryset.filter(branch=int(self.value() or 0)) if self.value() in offered else queryset.none()
