"""The filter of the queue of car fields."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ad_autocategorize.models import CarIssue
from ad_autocategorize.sources.cars import LABELS


class CarFieldFilter(admin.SimpleListFilter):
    """The field of a car's ad that is in doubt."""

    title = _("field")
    parameter_name = "field"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(LABELS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[CarIssue]) -> QuerySet[CarIssue]:
        return queryset.filter(field=self.value()) if self.value() else queryset
