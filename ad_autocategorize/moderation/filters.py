"""The filters of the review queue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ad_autocategorize.moderation.models import CarIssue, LabelIssue
from taxonomy.models import Category

# The fields of ``AdSource`` that describe a car, as people call them.
CAR_FIELD_NAMES = {
    "brand": _("brand"),
    "car_model": _("model"),
    "body_type": _("body type"),
    "color": _("color"),
    "year": _("year"),
}


class StateFilter(admin.SimpleListFilter):
    """Open issues, unless another state is asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("all", _("All")), *model_admin.model.State.choices[1:]]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for choice in super().choices(changelist):
            # Nothing chosen means open here.
            first = choice["query_string"] == changelist.get_query_string(remove=[self.parameter_name])
            yield {**choice, "display": LabelIssue.State.OPEN.label} if first else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(state=self.value() or LabelIssue.State.OPEN)


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


class CarFieldFilter(admin.SimpleListFilter):
    """The field of a car's ad that is in doubt."""

    title = _("field")
    parameter_name = "field"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(CAR_FIELD_NAMES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[CarIssue]) -> QuerySet[CarIssue]:
        return queryset.filter(field=self.value()) if self.value() else queryset


class BranchFilter(admin.SimpleListFilter):
    """The main category that the ad is filed under."""

    title = _("main category")
    parameter_name = "branch"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(str(pk), name) for pk, name in Category.objects.filter(parent=None).values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LabelIssue]) -> QuerySet[LabelIssue]:
        value = self.value() or ""
        return queryset.filter(branch=int(value)) if value.isdecimal() else queryset
