"""The history of which version served when, activation, and rollback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ad_autocategorize import registry
from ad_autocategorize.models import ModelActivation, ModelVersion, Origin, Reason


class NoWayBack(LookupError):
    """There is no earlier version to roll back to."""


def active_version(slot: Mapping[str, str]) -> ModelVersion | None:
    """Return the version in service of a kind, source and language."""
    return ModelVersion.objects.filter(**slot, is_active=True).first()


def served_before(slot: Mapping[str, str]) -> ModelVersion | None:
    """Return the version that a rollback leads to; ``None`` if none is left.

    Each rollback goes one step further back: a version that was rolled back from is never returned to.
    """
    # The names of the versions that a rollback can lead to, and last the one in service. A version may be there several times.
    served: list[str] = []
    for name, reason in ModelActivation.objects.filter(**slot).order_by("pk").values_list("name", "reason"):
        if reason == Reason.ROLLBACK and name in served:
            # Back to the last time that it served: those after it are gone.
            while served[-1] != name:
                served.pop()
        elif not served or served[-1] != name:
            served.append(name)
    left = {version.name: version for version in ModelVersion.objects.filter(**slot, is_active=False)}
    return next((left[name] for name in reversed(served[:-1]) if name in left), None)


def put_into_service(
    version: ModelVersion, *, origin: str = Origin.COMMAND, by: Any = None, note: str = ""
) -> ModelActivation:
    """Activate a version by hand. If the gate refused it, the history says that it was forced."""
    reason = Reason.FORCED if version.status == ModelVersion.Status.REFUSED else Reason.CHOSEN
    activation = version.activate(reason, origin=origin, by=by, note=note)
    registry.expire()
    return activation


def roll_back(
    slot: Mapping[str, str], *, origin: str = Origin.COMMAND, by: Any = None, note: str = ""
) -> ModelActivation:
    """Activate the version that served before the one in service. Raises ``NoWayBack``."""
    version = served_before(slot)
    if version is None:
        raise NoWayBack("No version served before this one, or its files were pruned. Retrain, or activate another.")
    activation = version.activate(Reason.ROLLBACK, origin=origin, by=by, note=note)
    registry.expire()
    return activation
