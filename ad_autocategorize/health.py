"""Whether a process serves what it should: for load balancers, for the status command and for the system checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from django.db import Error as DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ad_autocategorize import registry
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.registry import ServingState
from ad_autocategorize.sources.languages import training_languages
from ad_autocategorize.sources.registered import source_names

Status = Literal["ok", "degraded", "failing"]


@dataclass(frozen=True, slots=True)
class Health:
    """What this process serves.

    Attributes
    ----------
    status : "ok"; "degraded" where something else is served than should be, or the database is away; "failing" where nothing
        is served that should be.
    models : one per kind, source and language of the site; those that were never trained are among them, and no fault.
    """

    status: Status
    models: tuple[ServingState, ...]


def look() -> Health:
    """Load what is active unless it is loaded, and say what this process serves."""
    models = tuple(_states())
    if any(state.problem and not state.serving for state in models):
        return Health("failing", models)
    return Health("degraded" if any(state.problem for state in models) else "ok", models)


def _states() -> Iterator[ServingState]:
    for source in source_names():
        for language in training_languages():
            registry.active_scorer(source, language)
            yield registry.scorer_state(source, language)
    if _has_photo_model():
        registry.active_predictor()
        yield registry.predictor_state()


def _has_photo_model() -> bool:
    try:
        return ModelVersion.objects.filter(kind=ModelVersion.Kind.PHOTOS, is_active=True).exists()
    except DatabaseError:
        return bool(registry.predictor_state().serving)


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 with the status, or 503 where it is "failing"; staff are told the versions and what is wrong.

    Needs no REST framework: mount it where the load balancer asks.
    """
    found = look()
    answer: dict[str, object] = {"status": found.status}
    if _is_staff(request):
        answer["models"] = [asdict(state) for state in found.models]
    return JsonResponse(answer, status=503 if found.status == "failing" else 200)


def _is_staff(request: HttpRequest) -> bool:
    try:
        return bool(getattr(request, "user", None) and request.user.is_staff)
    except DatabaseError:
        return False
