"""What Prometheus reads of a site when it asks: the versions in service here, the last trainings, the open review items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from django.db import DatabaseError
from django.db.models import QuerySet
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector

from ad_autocategorize.health import look
from ad_autocategorize.models import CarIssue, LabelIssue, ModelVersion

SLOT = ["kind", "source", "language"]
QUEUES: dict[str, Any] = {"labels": LabelIssue, "cars": CarIssue}


class SiteCollector(Collector):
    """Asks the database at each collection, in a handful of queries.

    While the database is away the gauges about it are left out, and those of this process stay.
    """

    def describe(self) -> Iterable[Metric]:
        """Return the gauges without values: registering asks no database."""
        return [_serving(), _problem(), _training(), _open_issues()]

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges."""
        serving, problem = _serving(), _problem()
        for state in look().models:
            slot = [state.kind, state.source, state.language]
            problem.add_metric(slot, float(bool(state.problem)))
            if state.serving:
                serving.add_metric([*slot, state.serving], 1)
        yield from (serving, problem)
        try:
            yield from (_filled_training(), _filled_open_issues())
        except DatabaseError:
            return


@cache
def register() -> None:
    """Let the default registry of the library collect them, once a process."""
    REGISTRY.register(SiteCollector())


def _serving() -> Any:
    return GaugeMetricFamily(
        "ad_autocategorize_version_info", "The version that this process serves.", labels=[*SLOT, "version"]
    )


def _problem() -> Any:
    return GaugeMetricFamily(
        "ad_autocategorize_version_problem",
        "1 where this process serves another version than it should, or cannot ask the database.",
        labels=SLOT,
    )


def _training() -> Any:
    return GaugeMetricFamily(
        "ad_autocategorize_last_training_timestamp_seconds",
        "When the newest version was recorded, and what became of it.",
        labels=[*SLOT, "status"],
    )


def _versions() -> QuerySet[ModelVersion]:
    """Return the versions, a few of each slot, the newest last."""
    return ModelVersion.objects.only(*SLOT, "status", "created_at").order_by("pk")


def _open_issues() -> Any:
    return GaugeMetricFamily("ad_autocategorize_open_issues", "Review items that wait.", labels=["queue"])


def _filled_training() -> Any:
    gauge = _training()
    newest = {(version.kind, version.source, version.language): version for version in _versions()}
    for slot, version in newest.items():
        gauge.add_metric([*slot, version.status], version.created_at.timestamp())
    return gauge


def _filled_open_issues() -> Any:
    gauge = _open_issues()
    for name, model in QUEUES.items():
        gauge.add_metric([name], model._default_manager.filter(state=model.State.OPEN).count())
    return gauge
