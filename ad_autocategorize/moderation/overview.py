"""The moderators' first page: what there is to do, how much of it, and where to start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ad_autocategorize.models import (
    CarDecision,
    CarFieldEvent,
    CarIssue,
    LabelIssue,
    Moderation,
    ReviewDecision,
    SuggestionEvent,
    TaxonomyFinding,
)
from ad_autocategorize.moderation.queue.blind import is_blind
from ad_autocategorize.moderation.queue.narrowing import remembered_filters
from ad_autocategorize.moderation.queue.progress import Progress, progress_of
from ad_autocategorize.moderation.queue.read_only import CAN_REVIEW, ReadOnlyAdmin
from ad_autocategorize.moderation.tree.postponing import without_postponed
from ad_autocategorize.sources.cars import LABELS

# In the order of the page; the first three are tasks, the rest is for whoever looks something up.
QUEUES = (LabelIssue, CarIssue)
TRAILS = (ReviewDecision, CarDecision, SuggestionEvent, CarFieldEvent)


@dataclass(frozen=True, slots=True)
class QueueCard:
    """A queue on the page; ``parts`` are texts that say what the open entries are, each with the list's address."""

    title: str
    progress: Progress
    parts: tuple[tuple[str, str], ...]
    start_url: str
    continue_url: str
    list_url: str


@admin.register(Moderation)
class ModerationAdmin(ReadOnlyAdmin):
    """Lists nothing itself: its list is the first page."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return any(self._may_view(model, request) for model in (*QUEUES, TaxonomyFinding, *TRAILS))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("Moderation"),
            "opts": self.opts,
            "queues": [self._queue_card(model, request) for model in QUEUES if self._may_review(model, request)],
            "health": self._health() if self._may_view(TaxonomyFinding, request) else None,
            "trails": list(self._trails(request)),
            "may_see_feedback": self._may_view(SuggestionEvent, request),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/ad_autocategorize/overview.html", context)

    def _may_view(self, model: type[Any], request: HttpRequest) -> bool:
        registered = self.admin_site._registry.get(model)
        return registered is not None and registered.has_view_permission(request)

    def _may_review(self, model: type[Any], request: HttpRequest) -> bool:
        return self._may_view(model, request) and request.user.has_perm(CAN_REVIEW)

    def _queue_card(self, model: type[Any], request: HttpRequest) -> QueueCard:
        name = f"admin:ad_autocategorize_{model._meta.model_name}"
        queue_admin: Any = self.admin_site._registry[model]
        opened = model._default_manager.filter(state=model.State.OPEN)
        start, listed = reverse(f"{name}_review"), reverse(f"{name}_changelist")
        filters = remembered_filters(request, model._meta.model_name)
        return QueueCard(
            title=str(model._meta.verbose_name_plural),
            progress=progress_of(opened, queue_admin.decision_model, cast(AbstractBaseUser, request.user)),
            # Why an ad is doubted tells of the suggestion.
            parts=() if is_blind(request) else tuple(_parts(opened, model, start)),
            start_url=start,
            continue_url=f"{start}?{filters}" if filters else "",
            list_url=listed,
        )

    def _health(self) -> dict[str, Any]:
        findings = without_postponed(TaxonomyFinding.objects.all())
        kinds = findings.order_by().values_list("kind").annotate(Count("pk")).values_list("kind", "pk__count")
        labels = dict(TaxonomyFinding.Kind.choices)
        counts = sorted(kinds, key=lambda pair: list(labels).index(pair[0]))
        url = reverse("admin:ad_autocategorize_taxonomyfinding_changelist")
        return {
            "url": url,
            "total": sum(count for _kind, count in counts),
            "parts": [(f"{count} · {labels[kind]}", f"{url}?kind__exact={kind}") for kind, count in counts],
            "found_at": TaxonomyFinding.objects.aggregate(last=Max("found_at"))["last"],
        }

    def _trails(self, request: HttpRequest) -> Iterator[tuple[str, str]]:
        for model in TRAILS:
            if self._may_view(model, request):
                url = reverse(f"admin:ad_autocategorize_{model._meta.model_name}_changelist")
                yield str(model._meta.verbose_name_plural), url


def _parts(opened: Any, model: type[Any], url: str) -> Iterator[tuple[str, str]]:
    """Yield how many entries there are of each kind, the gravest first, and where they are reviewed."""
    if model is CarIssue:
        rows = opened.order_by().values_list("field").annotate(count=Count("pk"))
        for field, count in sorted(rows, key=lambda pair: -pair[1]):
            yield f"{count} · {_field_label(field)}", f"{url}?field={field}"
        return
    levels = dict(opened.order_by().values_list("level").annotate(count=Count("pk")))
    groups = {1: levels.pop(1, 0), 2: levels.pop(2, 0), 3: sum(levels.values())}
    texts = {
        1: ngettext("%(count)d in a wrong main category", "%(count)d in a wrong main category", groups[1]),
        2: ngettext("%(count)d wrong at the second level", "%(count)d wrong at the second level", groups[2]),
        3: ngettext("%(count)d wrong further down", "%(count)d wrong further down", groups[3]),
    }
    for level, count in groups.items():
        if count:
            yield texts[level] % {"count": count}, f"{url}?level={level}"


def _field_label(field: str) -> str:
    return str(LABELS.get(field, field))
