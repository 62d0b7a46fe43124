"""The pages that ask for confirmation before a version is put into service, or the earlier one is returned to."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views import View

from ad_autocategorize.models import ModelActivation, ModelVersion, Origin
from ad_autocategorize.versions.figures import figures_of
from ad_autocategorize.versions.history import active_version, put_into_service, roll_back, served_before
from ad_autocategorize.versions.wording import reasons_of

ACTIVATE = "ad_autocategorize.activate_modelversion"
LIST = "admin:ad_autocategorize_modelversion_changelist"
LONGEST_NOTE = 200


class ChoosingView(View):
    """Asks for confirmation, and puts a version into service.

    The form names the version that was active when the page was made. If another one has become active since, it asks again.
    """

    model_admin: ClassVar[Any] = None
    template = "admin/ad_autocategorize/modelversion/activate.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perm(ACTIVATE):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, key: int) -> HttpResponse:
        """Ask."""
        version = ModelVersion.objects.filter(pk=key).first()
        if version is None:
            return self._back(request, _("This version is gone: it was pruned."))
        problem = self.problem(version)
        if problem:
            return self._back(request, problem)
        target, current = self.target(version), active_version(version.slot)
        context = {
            **self.model_admin.admin_site.each_context(request),
            "opts": self.model_admin.opts,
            "title": self.question(),
            "version": target,
            "current": current,
            "rows": [(each, figures_of(each)[:1]) for each in (current, target) if each is not None],
            "reasons": reasons_of(target) if target is not None and target.is_refused else [],
        }
        return TemplateResponse(request, self.template, context)

    def post(self, request: HttpRequest, key: int) -> HttpResponse:
        """Put the version into service, if the one that the page showed as active still is."""
        version = ModelVersion.objects.filter(pk=key).first()
        if version is None or self.problem(version):
            return self.get(request, key)
        current, target = active_version(version.slot), self.target(version)
        shown = (request.POST.get("current"), request.POST.get("target"))
        if shown != (current.name if current else "", target.name if target else ""):
            self.model_admin.message_user(
                request, _("Another version has been put into service meanwhile: look again."), messages.WARNING
            )
            return self.get(request, key)
        who = {"by": request.user, "note": request.POST.get("note", "")[:LONGEST_NOTE]}
        activation = self.act(version, who)
        self.model_admin.message_user(request, _("%(name)s is in service now.") % {"name": activation.name})
        if activation.version is not None:
            self.model_admin.log_change(request, activation.version, activation.get_reason_display())
        return redirect(LIST)

    def question(self) -> str:
        """Return the heading."""
        raise NotImplementedError

    def problem(self, version: ModelVersion) -> str:
        """Return why the version cannot be put into service, or ""."""
        raise NotImplementedError

    def target(self, version: ModelVersion) -> ModelVersion | None:
        """Return the version to put into service; ``version`` is the one that the page belongs to."""
        raise NotImplementedError

    def act(self, version: ModelVersion, who: dict[str, Any]) -> ModelActivation:
        """Put the target into service; ``who`` holds the user and the note for the history."""
        raise NotImplementedError

    def _back(self, request: HttpRequest, problem: str) -> HttpResponse:
        self.model_admin.message_user(request, problem, messages.ERROR)
        return redirect(LIST)


class ActivateView(ChoosingView):
    """A version is chosen by hand."""

    model_admin: ClassVar[ModelAdmin[ModelVersion] | None] = None

    def question(self) -> str:
        return _("Put this version into service?")

    def problem(self, version: ModelVersion) -> str:
        return _("%(name)s is in service already.") % {"name": version.name} if version.is_active else ""

    def target(self, version: ModelVersion) -> ModelVersion:
        return version

    def act(self, version: ModelVersion, who: dict[str, Any]) -> ModelActivation:
        return put_into_service(version, origin=Origin.USER, **who)


class RollbackView(ChoosingView):
    """The version that served before is returned to; the page belongs to the one in service."""

    model_admin: ClassVar[ModelAdmin[ModelVersion] | None] = None

    def question(self) -> str:
        return _("Go back to the version that served before?")

    def problem(self, version: ModelVersion) -> str:
        if not version.is_active:
            return _("%(name)s is not in service.") % {"name": version.name}
        if served_before(version.slot) is None:
            return _("There is no earlier version to go back to.")
        return ""

    def target(self, version: ModelVersion) -> ModelVersion | None:
        return served_before(version.slot)

    def act(self, version: ModelVersion, who: dict[str, Any]) -> ModelActivation:
        return roll_back(version.slot, origin=Origin.USER, **who)
