"""The accuracies of a version on its hold-out, with intervals, in one form for title models and photo models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from ad_autocategorize.models import ModelVersion
from ad_autocategorize.sources.cars import HEADINGS
from ad_autocategorize.statistics.intervals import Interval
from ad_autocategorize.statistics.proportions import Proportion


@dataclass(frozen=True, slots=True)
class Figure:
    """The share of right answers among so many ads, with its 95 % confidence interval."""

    key: str
    name: str
    share: float
    interval: Interval
    ads: int

    @property
    def percent(self) -> int:
        """The share, rounded."""
        return round(100 * self.share)


def figures_of(version: ModelVersion) -> list[Figure]:
    """Return the figures of a version, the most important first; none if none were recorded."""
    known = version.metrics or {}
    return list(_of_photos(known) if version.kind == ModelVersion.Kind.PHOTOS else _of_titles(known))


def _of_titles(metrics: dict[str, Any]) -> Iterator[Figure]:
    if metrics.get("test_size"):
        yield _figure("path", _("whole path"), metrics["path_accuracy"], metrics["test_size"])
    for level in metrics.get("levels", ()):
        name = _("level %(number)d") % {"number": level["level"]}
        yield _figure(f"level-{level['level']}", name, level["accuracy"], level["support"])


def _of_photos(metrics: dict[str, Any]) -> Iterator[Figure]:
    if metrics.get("ads"):
        yield _figure("all", _("all known fields"), metrics["all_known_heads_right"], metrics["ads"])
    for head, row in metrics.get("heads", {}).items():
        yield _figure(head, str(HEADINGS[head]), row["accuracy"], row["support"])


def _figure(key: str, name: str, share: float, ads: int) -> Figure:
    return Figure(key, name, share, Proportion(round(share * ads), ads).interval, ads)
