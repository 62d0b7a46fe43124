"""Model versions in the admin: which one serves, how good each is, what changed, and the way to another one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ad_autocategorize.admin.choosing import ACTIVATE, ActivateView, RollbackView
from ad_autocategorize.admin.comparison import compare_view, setting_text
from ad_autocategorize.models import ModelVersion, TrainingLock
from ad_autocategorize.moderation.queue.read_only import ReadOnlyAdmin
from ad_autocategorize.versions.figures import figures_of
from ad_autocategorize.versions.history import served_before
from ad_autocategorize.versions.incremental import incremental_lines
from ad_autocategorize.versions.wording import compared_rows, count_rows, reasons_of, warnings_of

NAME = "ad_autocategorize_modelversion"
# A page lists the numbers of ads of so many main categories or brands.
MOST_COUNTS = 30


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    """Versions are made by training alone; here they are looked at, compared, and chosen to serve."""

    list_display = ["name", "kind", "slot", "status", "right", "in_service_since"]
    list_filter = ["kind", "status"]
    actions = ["compare", "activate"]
    change_list_template = "admin/ad_autocategorize/modelversion/change_list.html"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("compare/", wrap(compare_view(self)), name=f"{NAME}_compare"),
            path("<int:key>/activate/", wrap(ActivateView.as_view(model_admin=self)), name=f"{NAME}_activate"),
            path("<int:key>/rollback/", wrap(RollbackView.as_view(model_admin=self)), name=f"{NAME}_rollback"),
        ]
        return [*own, *super().get_urls()]

    def get_list_display(self, request: HttpRequest) -> Any:
        # Most sites have one kind of ads, in one language.
        several = ModelVersion.objects.exclude(source="", language="").exists()
        return [name for name in self.list_display if several or name != "slot"]

    def has_activate_permission(self, request: HttpRequest) -> bool:
        """Whether a version may be put into service."""
        return request.user.has_perm(ACTIVATE)

    @admin.display(description=gettext_lazy("kind of ads, language"))
    def slot(self, version: ModelVersion) -> str:
        return ", ".join(part for part in (version.source, version.language) if part) or "–"

    @admin.display(description=gettext_lazy("in service since"), ordering="activated_at")
    def in_service_since(self, version: ModelVersion) -> str:
        if not version.is_active or version.activated_at is None:
            return "–"
        return date_format(timezone.localtime(version.activated_at), "SHORT_DATETIME_FORMAT")

    @admin.display(description=gettext_lazy("right, with its interval"))
    def right(self, version: ModelVersion) -> str:
        figures = figures_of(version)
        if not figures:
            return "–"
        figure = figures[0]
        low, high = figure.interval.low_percent, figure.interval.high_percent
        return f"{figure.name}: {figure.percent} % ({low}–{high})"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        own = {
            "trainings": TrainingLock.objects.filter(expires_at__gt=timezone.now()),
        }
        return super().changelist_view(request, {**own, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a version in words."""
        version = self.get_object(request, object_id)
        if version is None:
            self.message_user(request, _("This version is gone: it was pruned."), messages.ERROR)
            return redirect(f"admin:{NAME}_changelist")
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": version.name,
            "version": version,
            "figures": figures_of(version),
            "reasons": reasons_of(version),
            "warnings": warnings_of(version),
            "compared": compared_rows(version),
            "incremental": incremental_lines(version),
            "counts": count_rows(version)[:MOST_COUNTS],
            "settings": [(name, setting_text(value)) for name, value in version.settings.items()],
            "same_ads": _same_ads(version, version.parent),
            "history": version.activations.select_related("by"),
            "may_activate": self.has_activate_permission(request),
            "before": served_before(version.slot) if version.is_active else None,
        }
        return TemplateResponse(request, "admin/ad_autocategorize/modelversion/detail.html", context)

    @admin.action(description=gettext_lazy("Compare the two selected versions"))
    def compare(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> HttpResponseRedirect | None:
        """Lead to the page that compares two versions."""
        keys = list(queryset.order_by("pk").values_list("pk", flat=True)[:3])
        if len(keys) != 2:
            self.message_user(request, _("Select two versions."), messages.ERROR)
            return None
        address = reverse(f"admin:{NAME}_compare")
        return HttpResponseRedirect(f"{address}?{urlencode({'first': keys[0], 'second': keys[1]})}")

    @admin.action(description=gettext_lazy("Put the selected version into service"), permissions=["activate"])
    def activate(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> HttpResponse | None:
        """Lead to the page that asks whether a version is to serve."""
        keys = list(queryset.values_list("pk", flat=True)[:2])
        if len(keys) != 1:
            self.message_user(request, _("Select one version."), messages.ERROR)
            return None
        return redirect(f"admin:{NAME}_activate", keys[0])


def _same_ads(version: ModelVersion, parent: ModelVersion | None) -> bool:
    """Return whether a version and its champion learned from the same ads with the same labels."""
    return parent is not None and version.data_fingerprint == parent.data_fingerprint != ""
