"""The page that compares two versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from ad_autocategorize.models import ModelVersion
from ad_autocategorize.moderation.queue.numbers import small_number
from ad_autocategorize.statistics.paired import PairedShares
from ad_autocategorize.versions.comparing import compare_versions

# Names of a list; a whole tree may be new.
MOST_NAMED = 20


def compare_view(model_admin: Any) -> Callable[[HttpRequest], HttpResponse]:
    """Return the view of an admin."""

    def view(request: HttpRequest) -> HttpResponse:
        if not model_admin.has_view_permission(request):
            raise PermissionDenied
        first, second = _version(request, "first"), _version(request, "second")
        versions = ModelVersion.objects.all()
        if first is not None:
            versions = versions.filter(**first.slot)
        context: dict[str, Any] = {
            **model_admin.admin_site.each_context(request),
            "opts": model_admin.opts,
            "title": _("Compare two versions"),
            "versions": versions,
            "first": first,
            "second": second,
        }
        if first is not None and second is not None:
            context |= _compared(first, second)
        return TemplateResponse(request, "admin/ad_autocategorize/modelversion/compare.html", context)

    return view


def _compared(first: ModelVersion, second: ModelVersion) -> dict[str, Any]:
    """Return what the page shows of two versions, or why they cannot be compared."""
    if first == second or first.slot != second.slot:
        return {"problem": _("Choose two versions of the same kind, source and language.")}
    compared = compare_versions(first, second)
    return {
        "compared": compared,
        "paired": [_row(name, pair) for name, pair in compared.paired],
        "changes": [
            (_("Only the second can answer"), compared.gained[:MOST_NAMED], len(compared.gained) - MOST_NAMED),
            (_("Only the first can answer"), compared.lost[:MOST_NAMED], len(compared.lost) - MOST_NAMED),
        ],
        "settings": _differences(first.settings, second.settings),
    }


def _row(name: str, pair: PairedShares) -> dict[str, Any]:
    interval = pair.interval()
    return {
        "name": name,
        "pair": pair,
        "first": 100 * pair.first,
        "second": 100 * pair.second,
        "difference": 100 * pair.difference,
        "low": 100 * interval.low,
        "high": 100 * interval.high,
        "may_be_chance": interval.low <= 0 <= interval.high,
    }


def _differences(first: dict[str, Any], second: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the settings that differ, with both values."""
    names = sorted(first.keys() | second.keys())
    differing = [name for name in names if first.get(name) != second.get(name)]
    return [(name, setting_text(first.get(name)), setting_text(second.get(name))) for name in differing]


def setting_text(value: Any) -> str:
    """Return a setting as a person reads it: numbers that training chose have many digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _version(request: HttpRequest, name: str) -> ModelVersion | None:
    key = small_number(request.GET.get(name, ""))
    return None if key is None else ModelVersion.objects.filter(pk=key).first()
