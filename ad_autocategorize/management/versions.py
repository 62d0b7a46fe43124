"""Model versions as lines of text and as JSON, for ``manage.py models``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.utils import timezone

from ad_autocategorize.models import ModelVersion
from ad_autocategorize.versions.comparing import ComparedVersions
from ad_autocategorize.versions.figures import Figure, figures_of
from ad_autocategorize.versions.incremental import incremental_lines
from ad_autocategorize.versions.wording import reasons_of, warnings_of

HEADINGS = ("name", "kind", "source", "language", "status", "ads", "right", "95 %", "created", "in service since")
# Names that a comparison lists.
MOST_NAMED = 20


def table(versions: Sequence[ModelVersion]) -> Iterator[str]:
    """Yield the lines of a table of versions."""
    if not versions:
        return
    rows = [HEADINGS, *map(_cells, versions)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    # Columns that say the same of all, such as a language that the site has not, are left out.
    shown = [column for column in range(len(widths)) if any(row[column] for row in rows[1:])]
    for row in rows:
        yield "  ".join(row[column].ljust(widths[column]) for column in shown).rstrip()


def _cells(version: ModelVersion) -> tuple[str, ...]:
    figures = figures_of(version)
    right, interval = (_percent(figures[0].share), _interval(figures[0])) if figures else ("", "")
    since = _time(version.activated_at) if version.is_active else ""
    return (
        version.name,
        version.kind,
        version.source,
        version.language,
        version.status,
        str(version.ad_count),
        right,
        interval,
        _time(version.created_at),
        since,
    )


def described(version: ModelVersion, *, whole: bool = False) -> dict[str, Any]:
    """Return a version in JSON's types; ``whole`` with settings, metrics, verdict and log."""
    document = {
        "name": version.name,
        **version.slot,
        "status": version.status,
        "forced": version.forced,
        "ads": version.ad_count,
        "figures": [
            {
                "name": figure.key,
                "share": figure.share,
                "low": figure.interval.low,
                "high": figure.interval.high,
                "ads": figure.ads,
            }
            for figure in figures_of(version)
        ],
        "created": version.created_at,
        "activated": version.activated_at,
    }
    if whole:
        fields = (
            "digest",
            "data_fingerprint",
            "counts",
            "settings",
            "libraries",
            "metrics",
            "verdict",
            "origin",
            "log",
        )
        document |= {name: getattr(version, name) for name in fields}
        document["reasons"] = reasons_of(version)
        document["history"] = [
            {"at": row.at, "reason": row.reason, "from": row.origin, "note": row.note}
            for row in version.activations.all()
        ]
    return document


def detail_lines(version: ModelVersion) -> Iterator[str]:
    """Yield what is known of a version, but for its log and settings, which JSON has."""
    yield f"{version.name}: {version.status}{', by force' if version.forced else ''}"
    parent = f", after {version.parent}" if version.parent else ""
    yield f"Trained {_time(version.created_at)} on {version.ad_count} ads, started from {version.get_origin_display()}{parent}."
    yield from incremental_lines(version)
    for figure in figures_of(version):
        yield f"  {figure.name:<18} {_percent(figure.share):>7}  {_interval(figure)}  of {figure.ads} ads"
    yield from warnings_of(version)
    for reason in reasons_of(version):
        yield f"Against it: {reason}"
    for row in version.activations.select_related("by"):
        who = f" by {row.by}" if row.by else ""
        note = f": {row.note}" if row.note else ""
        yield f"In service from {_time(row.at)} ({row.get_reason_display()}, from {row.get_origin_display()}{who}){note}"
    yield "Trained with " + ", ".join(f"{name} {number}" for name, number in version.libraries.items())
    yield f"Fingerprint of the ads: {version.data_fingerprint or 'none'}; of the files: {version.digest}"


def comparison_lines(compared: ComparedVersions) -> Iterator[str]:
    """Yield two versions side by side."""
    yield f"A {compared.first}, B {compared.second}"
    yield "Each on its own hold-out:"
    for name, first, second in compared.figures:
        yield f"  {name:<18} A {_figure(first)}   B {_figure(second)}"
    if not compared.paired:
        yield "No ad is known that both had set aside: they cannot be tested on the same ones."
    for name, pair in compared.paired:
        interval = pair.interval()
        yield (
            f"On {pair.ads} ads that both had set aside, {name}: A {_percent(pair.first)}, B {_percent(pair.second)}; "
            f"difference {100 * pair.difference:+.1f} points ({100 * interval.low:+.1f} to {100 * interval.high:+.1f}), "
            f"McNemar p = {pair.p_value:.3g}"
        )
    for words, names in (("B can answer too", compared.gained), ("Only A can answer", compared.lost)):
        if names:
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            yield f"{words}: {', '.join(names[:MOST_NAMED])}{more}"


def _figure(figure: Figure | None) -> str:
    return f"{_percent(figure.share)} ({_interval(figure)})" if figure else "-"


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _interval(figure: Figure) -> str:
    return f"{figure.interval.low:.1%} to {figure.interval.high:.1%}"


def _time(moment: Any) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"
