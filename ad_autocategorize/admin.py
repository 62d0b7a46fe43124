"""Model versions in the admin: what was measured, and which one serves."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ad_autocategorize.models import ModelVersion
from ad_autocategorize.moderation.cars.admin import CarDecisionAdmin, CarIssueAdmin
from ad_autocategorize.moderation.feedback.admin import CarFieldEventAdmin, SuggestionEventAdmin
from ad_autocategorize.moderation.labels.admin import LabelIssueAdmin, ReviewDecisionAdmin
from ad_autocategorize.moderation.overview import ModerationAdmin
from ad_autocategorize.moderation.tree.admin import TaxonomyFindingAdmin, may_merge_categories, merge_selected
from ad_autocategorize.moderation.tree.merging import report_impact
from taxonomy.admin import CategoryAdmin
from taxonomy.lookups import PlainLookupsMixin

__all__ = [
    "CarDecisionAdmin",
    "CarFieldEventAdmin",
    "CarIssueAdmin",
    "LabelIssueAdmin",
    "ModelVersionAdmin",
    "ModerationAdmin",
    "ReviewDecisionAdmin",
    "SuggestionEventAdmin",
    "TaxonomyFindingAdmin",
]

CategoryAdmin.impact_reporters.append(report_impact)
CategoryAdmin.actions = [*(CategoryAdmin.actions or ()), merge_selected]  # type: ignore[misc]  # the class has it
# Whom that action is offered to.
CategoryAdmin.has_merge_permission = staticmethod(may_merge_categories)  # type: ignore[attr-defined]


@admin.register(ModelVersion)
class ModelVersionAdmin(PlainLookupsMixin, admin.ModelAdmin):
    """Versions are made by training alone; here one is looked at, or chosen to serve."""

    list_display = ["name", "kind", "is_active", "ad_count", "path_accuracy", "created_at"]
    list_filter = ["kind", "is_active"]
    actions = ["activate"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ModelVersion | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: ModelVersion | None = None) -> list[str]:
        return [field.name for field in ModelVersion._meta.fields]

    @admin.display(description=gettext_lazy("whole path"))
    def path_accuracy(self, version: ModelVersion) -> str:
        accuracy = version.metrics.get("path_accuracy")
        return f"{accuracy:.1%}" if accuracy is not None else ""

    @admin.action(description=gettext_lazy("Put the selected version into service"), permissions=["change"])
    def activate(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        if queryset.count() != 1:
            self.message_user(request, _("Select one version."), messages.ERROR)
            return
        version = queryset.get()
        version.activate()
        self.message_user(request, _("%(name)s is in service now.") % {"name": version.name})
