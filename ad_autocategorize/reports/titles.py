"""The HTML report of ``evaluate_classifiers``: one file, for people who do not program."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ad_autocategorize.reports.charts import Axis, Series, Style, line_chart
from ad_autocategorize.reports.item_photos import photo_columns, photo_rows
from ad_autocategorize.reports.labels import CLASSIFIERS, DROPPED, NODES, PRESETS, joins_flat_scores, label
from ad_autocategorize.reports.reliability import gap_verdict, reliability_chart, share_axis
from ad_autocategorize.reports.title_advice import next_steps
from ad_autocategorize.templatetags.ad_autocategorize_reports import count, leaf, percent

LANGUAGES = ("en", "es", "pt")
TEMPLATE = "ad_autocategorize/reports/titles.html"
SHADES = 10
# A smaller share of a row is shown as a dot.
SHOWN_SHARE = 0.005
SHOWN_CATEGORIES = 12
# Fewer test ads than this say little about one category.
LEAST_SUPPORT = 10
SHOWN_NODES = 200
# The others are folded away.
SHOWN_PAIRS = 6
AUTOMATION_TARGETS = (0.95, 0.99)
# What more ads have to promise by doubling, or they are said to help little.
WORTHWHILE_GAIN = 0.01
SIGNIFICANT = 0.05

Values = Mapping[str, Any]


def render_title_report(report: Values, *, name: str, language: str, made: datetime) -> str:
    """Return the report as one HTML page.

    Parameters
    ----------
    report : what ``Report.to_dict`` returns.
    name : what the ads are called in the heading, such as the file's name.
    language : one of ``LANGUAGES``.
    made : when the evaluation ran.
    """
    with translation.override(language):
        return render_to_string(TEMPLATE, make_context(report, name=name, language=language, made=made))


def make_context(report: Values, *, name: str, language: str, made: datetime) -> dict[str, Any]:
    """Return what the template shows, in the active language."""
    held_out, later = report["hold_out"], report["later"]
    return {
        "report": report,
        "steps": next_steps(report),
        "name": name,
        "language": language,
        "made": made,
        "preset": label(PRESETS, report["preset"]),
        "cutoff": datetime.fromisoformat(later["cutoff"]) if later else None,
        "days": _days(report["data"]),
        "summary": held_out["summary"],
        "main_level": held_out["summary"]["levels"][0],
        "automation_95": _automation(held_out["coverage"][0], AUTOMATION_TARGETS[0]),
        "later_95": _automation(later["coverage"][0], AUTOMATION_TARGETS[0]) if later else None,
        "levels": _levels(held_out),
        "outcomes": _outcomes(held_out),
        "heat_maps": [_heat_map(matrix) for matrix in held_out["confusion"]],
        "reliability": [(item, _reliability_chart(item)) for item in held_out["reliability"]],
        "reliability_verdict": gap_verdict(_largest_gap(report)),
        "coverage_chart": _coverage_chart(held_out["coverage"]),
        "automation": _automation_rows(held_out["coverage"]),
        "later_automation": _automation_rows(later["coverage"]) if later else [],
        "learning_chart": _learning_chart(report["learning_curve"]),
        "learning_verdict": _learning_verdict(report["learning_curve"]),
        "noise": _noise(report["noise"], report["copies"]),
        "classifiers": _classifiers(report["classifiers"]),
        "joined": joins_flat_scores(report["settings"]),
        "cascade_verdict": _difference_verdict(
            report["flat"]["cascade_against_flat"], _("The cascade alone is better")
        ),
        "served_verdict": _difference_verdict(
            report["flat"]["served_against_flat"], _("The classifier in service is better")
        ),
        "flat_levels": _flat_levels(report),
        "categories": [_categories(level) for level in held_out["levels"]],
        "pairs": (held_out["pairs"][:SHOWN_PAIRS], held_out["pairs"][SHOWN_PAIRS:]),
        "conflicts": (report["noise"]["conflicts"][:SHOWN_PAIRS], report["noise"]["conflicts"][SHOWN_PAIRS:]),
        "dropped": [(label(DROPPED, reason), ads) for reason, ads in report["data"]["dropped"].items()],
        "nodes": _nodes(report["nodes"]),
        "thin": _thin(report["data"]),
        **_photos(report.get("item_photos")),
    }


def _photos(photos: Values | None) -> dict[str, Any]:
    if photos is None:
        return {"photos": None}
    return {"photos": photos, "photo_columns": photo_columns(), "photo_rows": photo_rows(photos)}


def _days(data: Values) -> list[datetime]:
    return [datetime.fromisoformat(data[name]) for name in ("first_date", "last_date") if data[name]]


def _levels(held_out: Values) -> list[dict[str, Any]]:
    pairs = zip(held_out["summary"]["levels"], held_out["levels"], strict=True)
    return [{**short, "macro": scores["macro"], "weighted": scores["weighted"]} for short, scores in pairs]


def _outcomes(held_out: Values) -> list[tuple[str, int, float]]:
    """Return (what happened, ads, share) for each kind of answer that occurred."""
    outcomes, ads = held_out["outcomes"], held_out["summary"]["test"]
    rows = [
        (_("Exactly right"), outcomes["right"]),
        (_("Right branch, but stopped at a category above the right one"), outcomes["too_shallow"]),
        (_("Right branch, but went on to a category below the right one"), outcomes["too_deep"]),
    ]
    rows += [
        (_("Wrong main category") if level == 1 else _("Wrong turn at level %(level)d") % {"level": level}, wrong)
        for level, wrong in enumerate(outcomes["wrong_at"], start=1)
    ]
    return [(text, number, number / ads) for text, number in rows if number]


def _heat_map(matrix: Values) -> dict[str, Any]:
    names = list(matrix["paths"]) + ([""] if matrix["others"] else [])
    rows = []
    for number, (path, counts, stopped) in enumerate(zip(names, matrix["counts"], matrix["stopped"], strict=True)):
        total = sum(counts) + stopped
        cells = [
            {
                "count": ads,
                "percent": round(100 * ads / total) if total else 0,
                "shade": _shade(ads / total) if total else 0,
                "right": column == number,
            }
            for column, ads in enumerate([*counts, stopped] if any(matrix["stopped"]) else counts)
        ]
        rows.append({"number": number + 1, "path": path, "total": total, "cells": cells})
    return {"level": matrix["level"], "others": matrix["others"], "stopped": any(matrix["stopped"]), "rows": rows}


def _shade(share: float) -> int:
    # A stray ad in a large row should not shout.
    return 0 if share < SHOWN_SHARE else math.ceil(SHADES * share)


def _reliability_chart(item: Values) -> SafeString:
    bins = [(entry["confidence"], entry["accuracy"], entry["ads"]) for entry in item["bins"]]
    return reliability_chart(bins, title=_level_name(item["level"]), measured=_("measured; larger dot, more ads"))


def _level_name(level: int) -> str:
    if level == 0:
        return _("Whole path")
    return _("Main category (level 1)") if level == 1 else _("Down to level %(level)d") % {"level": level}


def _coverage_chart(coverage: Sequence[Values]) -> SafeString:
    shown = coverage[:2]
    lowest = min(point["precision"] for item in shown for point in item["curve"])
    low = max(math.floor(lowest * 20 - 1e-9) / 20, 0.0) if lowest > 0.75 else max(math.floor(lowest * 4) / 4, 0.0)
    low = min(low, 0.9)
    styles: tuple[Style, ...] = ("first", "second")
    lines = [
        Series(_level_name(item["level"]), [(point["coverage"], point["precision"]) for point in item["curve"]], style)
        for item, style in zip(shown, styles, strict=False)
    ]
    targets = [Series("", [(0, target), (1, target)], "target") for target in AUTOMATION_TARGETS]
    described = ". ".join(
        f"{line.name}: " + "; ".join(f"{percent(filed, 0)}: {percent(right)}" for filed, right in line.points[9::10])
        for line in lines
    )
    return line_chart(
        [*targets, *lines],
        share_axis(_("share of ads filed automatically, the surest first")),
        share_axis(_("share of those that is right"), low),
        _("How many ads could be filed without a person looking"),
        described,
    )


def _automation(item: Values, target: float) -> Values:
    return next(entry for entry in item["automation"] if entry["target"] == target)


def _automation_rows(coverage: Sequence[Values]) -> list[tuple[str, list[Values]]]:
    return [
        (_level_name(item["level"]), [_automation(item, target) for target in AUTOMATION_TARGETS]) for item in coverage
    ]


def _learning_chart(points: Sequence[Values]) -> SafeString | None:
    if len(points) < 2:
        return None
    lowest = min(point["interval"]["low"] for point in points)
    places = [math.log2(point["ads"]) for point in points]
    whole = Series(
        _level_name(0),
        [(place, point["accuracy"]) for place, point in zip(places, points, strict=True)],
        radii=[4] * len(points),
        bars=[(point["interval"]["low"], point["interval"]["high"]) for point in points],
    )
    main = Series(
        _level_name(1),
        [(place, point["main_accuracy"]) for place, point in zip(places, points, strict=True)],
        "second",
        radii=[4] * len(points),
    )
    ticks = [(place, count(point["ads"])) for place, point in zip(places, points, strict=True)]
    margin = (places[-1] - places[0]) * 0.08
    described = ". ".join(
        f"{line.name}: "
        + "; ".join(
            f"{count(point['ads'])}: {percent(share)}" for point, (_, share) in zip(points, line.points, strict=True)
        )
        for line in (whole, main)
    )
    return line_chart(
        [whole, main],
        Axis(_("ads to learn from (logarithmic scale)"), places[0] - margin, places[-1] + margin, ticks),
        share_axis(_("share of right answers"), math.floor(max(lowest - 0.01, 0) * 10) / 10),
        _("Accuracy by the number of ads to learn from"),
        described,
    )


def _learning_verdict(points: Sequence[Values]) -> dict[str, Any] | None:
    """Return what the last step of the curve says: ads before and after, the gain per doubling, and what it amounts to.

    The interval of the gain decides: what a few ads do not show is not said of them.
    """
    if len(points) < 2:
        return None
    before, after = points[-2], points[-1]
    doublings = math.log2(after["ads"] / before["ads"])
    gain = (after["accuracy"] - before["accuracy"]) / doublings
    low, high = (after["gain"][end] / doublings for end in ("low", "high"))
    if high < 0:
        verdict = _("It fell: the ads that came last teach something else than the others, or are filed carelessly.")
    elif high < WORTHWHILE_GAIN:
        verdict = _("The line has levelled off: more ads of the same kind would help little.")
    elif low <= 0:
        verdict = _("These test ads are too few to tell: chance may explain as much.")
    else:
        verdict = _("It still climbs: more ads would help.")
    return {"before": before, "after": after, "doubling": gain, "verdict": verdict}


def _difference_verdict(comparison: Values | None, first_is_better: str) -> str:
    if comparison is None:
        return ""
    if comparison["p_value"] >= SIGNIFICANT:
        return _(
            "The difference is so small that chance alone could explain it: these ads do not show which of the two is better."
        )
    better = first_is_better if comparison["difference"] > 0 else _("The flat classifier is better")
    return _("%(better)s, and chance is an unlikely explanation.") % {"better": better}


def _flat_levels(report: Values) -> list[tuple[str, float, float, float]]:
    """Return (level, in service, cascade alone, flat alone) for each level and the whole path."""
    flat, summary = report["flat"], report["hold_out"]["summary"]
    if flat["accuracy"] is None:
        return []
    by_level = zip(summary["levels"], flat["cascade_levels"], flat["levels"], strict=True)
    rows = [(str(level["level"]), level["accuracy"], cascade, other) for level, cascade, other in by_level]
    return [*rows, (_level_name(0), summary["accuracy"], flat["cascade_accuracy"], flat["accuracy"])]


def _largest_gap(report: Values) -> float:
    """Return the calibration error on the hold-out or on later ads, whichever is worse."""
    summaries = [report["hold_out"]["summary"], *([report["later"]["summary"]] if report["later"] else [])]
    return max(summary["expected_calibration_error"] for summary in summaries)


def _noise(noise: Values, copies: Values | None) -> dict[str, Any]:
    """Add the best that could be reached: on the test ads with a near-copy, and on all ads if the others were all right."""
    if not noise["twinned"]:
        return {**noise, "share": 0.0, "overall": None, "tested": None}
    share = noise["twinned"] / noise["ads"]
    tested = copies["agreement_twinned_apart"] if copies else None
    return {
        **noise,
        "share": share,
        "overall": 1 - share * (1 - noise["ceiling"]),
        "tested": None if tested is None else (tested, math.sqrt(tested)),
    }


def _classifiers(validation: Values | None) -> list[dict[str, Any]]:
    rows = validation["classifiers"] if validation else []
    return [
        {
            **row,
            "text": label(CLASSIFIERS, row["name"]),
            "chance": row["against_best"] is not None and row["against_best"]["p_value"] >= SIGNIFICANT,
        }
        for row in rows
    ]


def _categories(level: Values) -> dict[str, Any]:
    """Return a level's categories by size, and the weakest of those with enough ads to tell."""
    rows = sorted(level["categories"], key=lambda row: (-row["support"], row["path"]))
    told = [row for row in rows if row["support"] >= LEAST_SUPPORT]
    weakest = sorted(told, key=lambda row: row["f1"])[:SHOWN_CATEGORIES]
    return {**level, "rows": rows, "largest": rows[:SHOWN_CATEGORIES], "weakest": weakest, "told": len(told)}


def _thin(data: Values) -> dict[str, Any] | None:
    """Return how many categories have few ads, and the first of them; ``None`` where there are none."""
    thin = data["thin"]
    return {"count": len(thin), "few": data["few_ads"], "shown": thin[:SHOWN_NODES]} if thin else None


def _nodes(nodes: Values) -> dict[str, Any]:
    reasons: dict[str, list[Values]] = {}
    for node in nodes["without"]:
        reasons.setdefault(node["reason"], []).append({**node, "name": leaf(node["path"])})
    groups = [
        {"text": label(NODES, reason), "nodes": found[:SHOWN_NODES], "count": len(found)}
        for reason, found in reasons.items()
    ]
    return {**nodes, "groups": groups}
