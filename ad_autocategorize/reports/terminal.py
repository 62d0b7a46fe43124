"""An evaluation as tables for a terminal, in the active language."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from ad_autocategorize.reports.item_photos import photo_columns, photo_rows
from ad_autocategorize.reports.labels import CLASSIFIERS, DROPPED, NODES, joins_flat_scores, label
from ad_autocategorize.templatetags.ad_autocategorize_reports import count, one_line, p_value, percent, points, trail

Write = Callable[[str], Any]
Values = Mapping[str, Any]
SHOWN_PAIRS = 5


def write_tables(report: Values, write: Write) -> None:
    """Write what was measured, one table after another; ``report`` is what ``Report.to_dict`` returns."""
    for part in (_data, _splits, _levels, _photos, _methods, _automation, _errors, _noise, _learning, _nodes):
        part(report, write)


def _data(report: Values, write: Write) -> None:
    data = report["data"]
    write(_("%(ads)s ads in %(categories)s categories") % {name: count(data[name]) for name in ("ads", "categories")})
    for reason, ads in data["dropped"].items():
        write("  " + _("left out: %(ads)s ads %(reason)s") % {"ads": count(ads), "reason": label(DROPPED, reason)})
    if data["unread_dates"]:
        write(
            "  "
            + _("%(dates)s dates could not be read: 2024-12-31 is how to write them")
            % {"dates": count(data["unread_dates"])}
        )
    if data["thin"]:
        few = {"categories": count(len(data["thin"])), "few": data["few_ads"]}
        write("  " + _("%(categories)s categories have fewer than %(few)s ads") % few)
    if not data["untested_ads"]:
        return
    untested = {"ads": count(data["untested_ads"]), "categories": count(data["untested_categories"])}
    write("  " + _("learned from but not tested: %(ads)s ads in %(categories)s categories of few ads") % untested)


def _photos(report: Values, write: Write) -> None:
    photos = report.get("item_photos")
    if photos is None:
        return
    shares = [
        (name, *("–" if value is None else percent(value, 2) for value in values))
        for name, values in photo_rows(photos)
    ]
    _table(write, (_("Do photos help?"), *photo_columns()), shares)


def _splits(report: Values, write: Write) -> None:
    splits = [(_("set aside at random"), report["hold_out"]["summary"])]
    if report["copies"]:
        splits.append((_("near-copies kept together"), report["copies"]["apart"]))
    if report["later"]:
        splits.append((_("from %(day)s on") % {"day": report["later"]["cutoff"]}, report["later"]["summary"]))
    rows = [
        (
            name,
            count(split["train"]),
            count(split["test"]),
            percent(split["accuracy"], 2),
            _interval(split["interval"]),
            percent(split["top3"], 2),
            percent(split["expected_calibration_error"], 2),
            count(split["unseen"]),
        )
        for name, split in splits
    ]
    head = (
        _("Tested on ads"),
        _("trained"),
        _("tested"),
        _("whole path"),
        _("confidence interval"),
        _("first three"),
        _("calibration error"),
        _("of unknown categories"),
    )
    _table(write, head, rows)


def _levels(report: Values, write: Write) -> None:
    held_out = report["hold_out"]
    rows = [
        (
            str(level["level"]),
            percent(level["accuracy"], 2),
            _interval(level["interval"]),
            percent(level["accuracy_given_parent"], 2),
            percent(scores["weighted"]["f1"], 2),
            percent(scores["macro"]["f1"], 2),
            count(level["support"]),
        )
        for level, scores in zip(held_out["summary"]["levels"], held_out["levels"], strict=True)
    ]
    head = (
        _("Down to level"),
        _("right"),
        _("confidence interval"),
        _("given the level above"),
        _("F1, weighted"),
        _("F1, macro"),
        _("ads"),
    )
    _table(write, head, rows)


def _methods(report: Values, write: Write) -> None:
    validation = report["classifiers"]
    if validation:
        rows = [
            (
                label(CLASSIFIERS, row["name"]),
                f"{percent(row['accuracy'], 2)} ± {percent(row['accuracy_deviation'], 2)}",
                f"{percent(row['macro_f1'], 2)} ± {percent(row['macro_f1_deviation'], 2)}",
                p_value(row["against_best"]["p_value"]) if row["against_best"] else _("the best"),
            )
            for row in validation["classifiers"]
        ]
        head = (_("Level 1, %(folds)d folds") % {"folds": validation["folds"]}, _("right"), _("F1, macro"), "McNemar")
        _table(write, head, rows)
    flat = report["flat"]
    if flat["accuracy"] is None:
        write(_("Flat classifier: left out, too slow for the quick evaluation; pass --full."))
        return
    _table(write, *_against_flat(report))


def _against_flat(report: Values) -> tuple[Sequence[str], list[Sequence[str]]]:
    flat, served = report["flat"], report["hold_out"]["summary"]["accuracy"]
    systems = [(_("cascade alone"), flat["cascade_accuracy"], flat["cascade_against_flat"])]
    if joins_flat_scores(report["settings"]):
        systems.insert(0, (_("as in service: cascade and flat scores"), served, flat["served_against_flat"]))
    rows: list[Sequence[str]] = [
        (
            name,
            percent(accuracy, 2),
            points(compared["difference"]),
            f"{points(compared['interval']['low'])} – {points(compared['interval']['high'])}",
            p_value(compared["p_value"]),
        )
        for name, accuracy, compared in systems
    ]
    rows.append((_("flat LinearSVC alone"), percent(flat["accuracy"], 2), "", "", ""))
    head = (_("Whole path, same ads"), _("right"), _("points above flat"), _("confidence interval"), "McNemar")
    return head, rows


def _automation(report: Values, write: Write) -> None:
    later = [item["automation"] for item in report["later"]["coverage"]] if report["later"] else []
    rows = []
    for item in report["hold_out"]["coverage"]:
        on_later = later[item["level"]] if item["level"] < len(later) else [None] * len(item["automation"])
        for entry, met in zip(item["automation"], on_later, strict=True):
            if entry["target"] in (0.95, 0.99):
                name = str(item["level"] or _("whole path"))
                filed = (percent(entry["coverage"]), percent(entry["precision"], 2), percent(entry["threshold"], 2))
                again = (percent(met["coverage"]), percent(met["precision"], 2)) if met else ("", "")
                rows.append((name, percent(entry["target"], 0), *filed, *again))
    head = (_("Filed automatically, level"), _("wanted"), _("ads filed"), _("of those right"), _("threshold"))
    # The same thresholds on ads published later.
    _table(write, (*head, _("later: filed"), _("right")), rows)


def _errors(report: Values, write: Write) -> None:
    pairs = report["hold_out"]["pairs"][:SHOWN_PAIRS]
    if pairs:
        write("")
        write(_("Most confused:"))
    for pair in pairs:
        write(f"  {count(pair['ads'])}/{count(pair['support'])}  {trail(pair['filed'])} → {trail(pair['answered'])}")
        write(f"      {one_line(pair['examples'][0]['title'])}")


def _noise(report: Values, write: Write) -> None:
    noise = report["noise"]
    write("")
    if not noise["twinned"]:
        write(_("No two titles are near-identical."))
        return
    values = {
        "ads": count(noise["twinned"]),
        "agreement": percent(noise["agreement"], 2),
        "ceiling": percent(noise["ceiling"], 2),
    }
    write(
        _(
            "%(ads)s ads have a near-identical twin, filed alike in %(agreement)s of the cases: "
            "no title classifier can be expected to exceed about %(ceiling)s on them."
        )
        % values
    )


def _learning(report: Values, write: Write) -> None:
    rows = [
        (count(point["ads"]), percent(point["accuracy"], 2), _interval(point["interval"]))
        for point in report["learning_curve"]
    ]
    _table(write, (_("Ads to learn from"), _("whole path"), _("confidence interval")), rows)


def _nodes(report: Values, write: Write) -> None:
    nodes = report["nodes"]
    reasons: dict[str, int] = {}
    for node in nodes["without"]:
        reasons[node["reason"]] = reasons.get(node["reason"], 0) + 1
    write("")
    write(_("Points of the tree with a classifier: %(number)s") % {"number": count(nodes["with_classifier"])})
    for reason, number in reasons.items():
        write(_("Without: %(number)s, %(reason)s") % {"number": count(number), "reason": label(NODES, reason)})


def _interval(interval: Values) -> str:
    return f"{percent(interval['low'])} – {percent(interval['high'])}"


def _table(write: Write, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table: the first column to the left, the others to the right."""
    lines = [head, *rows]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(head))]
    write("")
    for line in lines:
        first = line[0] + " " * (widths[0] - _width(line[0]))
        rest = [" " * (width - _width(cell)) + cell for cell, width in zip(line[1:], widths[1:], strict=True)]
        write("  ".join([first, *rest]).rstrip())


def _width(text: str) -> int:
    return sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)
