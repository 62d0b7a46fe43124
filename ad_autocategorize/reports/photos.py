"""The report of a photo network's test."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from ad_autocategorize.photos.training.evaluation import Confusion
from ad_autocategorize.photos.training.images import UnreadablePhoto, read_photo
from ad_autocategorize.reports.photo_advice import STEPS, field_name, next_steps
from ad_autocategorize.reports.reliability import gap_verdict, reliability_chart

TEMPLATE = "ad_autocategorize/reports/photos.html"
THUMBNAIL = (160, 120)

Values = Mapping[str, Any]


def render_photo_report(
    figures: Values, confused: Sequence[Confusion], *, name: str, language: str, made: datetime
) -> str:
    """Return the report as one HTML page, thumbnails of confused photos included.

    Parameters
    ----------
    figures, confused : what ``evaluate_photos`` gives.
    name : of the version.
    language : one of ``reports.titles.LANGUAGES``.
    made : when it was tested.
    """
    with translation.override(language):
        steps = next_steps(figures)
        return render_to_string(
            TEMPLATE,
            {
                "figures": figures,
                "steps": steps[:STEPS],
                "more_steps": steps[STEPS:],
                "name": name,
                "language": language,
                "made": made,
                "fields": [_field(head, row) for head, row in figures["heads"].items()],
                "unknown": [(field_name(head), photos) for head, photos in figures["unknown_labels"].items()],
                "confused": [(field_name(head), _confusions(head, confused)) for head in figures["heads"]],
            },
        )


def _field(head: str, row: Values) -> dict[str, Any]:
    name = field_name(head)
    bins = [(entry["confidence"], entry["right"], entry["photos"]) for entry in row["reliability"]]
    return {
        **row,
        "name": name,
        "coverage": list(row["coverage"].values()),
        "chart": reliability_chart(bins, title=name, measured=_("measured; larger dot, more photos")),
        "verdict": gap_verdict(row["expected_calibration_error"]),
    }


def _confusions(head: str, confused: Sequence[Confusion]) -> list[dict[str, Any]]:
    return [
        {"truth": item.truth, "answer": item.answer, "count": item.count, "photos": _thumbnails(item.photos)}
        for item in confused
        if item.head == head
    ]


def _thumbnails(paths: Sequence[str]) -> list[str]:
    """Return photos as data URLs; one that has gone since the test is left out."""
    shown = []
    for path in paths:
        try:
            photo = read_photo(Path(path))
        except UnreadablePhoto:
            continue
        photo.thumbnail(THUMBNAIL)
        buffer = io.BytesIO()
        photo.save(buffer, "JPEG", quality=75)
        shown.append("data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode())
    return shown
