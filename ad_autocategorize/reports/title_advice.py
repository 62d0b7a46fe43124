"""What to do next, in words, about title classifiers that were evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from ad_autocategorize.templatetags.ad_autocategorize_reports import count, percent, points, trail

# So much is said: who reads ten pieces of advice follows none.
STEPS = 3
SIGNIFICANT = 0.05
# The share of ads with a near-identical one elsewhere, of categories with few ads, and of mistakes, from which on it matters.
MANY_CONFLICTS, MANY_THIN, MANY_MISTAKES = 0.02, 0.25, 0.3
# A pair of categories is worth merging if each of the two gives the other so many of its test ads, and at least so many.
MERGE_SHARE, MERGE_ADS = 0.2, 3
NAMED = 3
# Probabilities that are off by more mislead whoever files by them.
POOR_CALIBRATION = 0.1
# What later ads, or a doubling of the ads, must make of a difference.
WORTHWHILE = 0.02

Values = Mapping[str, Any]


def next_steps(report: Values) -> list[str]:
    """Return up to three sentences of advice in the active language, the most urgent first; one where there is nothing to do.

    Parameters
    ----------
    report : what ``Report.to_dict`` returns.
    """
    rules = (
        _flat_is_better,
        _labels_to_review,
        _pairs_to_merge,
        _thin_categories,
        _later_ads,
        _probabilities,
        _more_ads,
    )
    steps = [step for rule in rules for step in rule(report)]
    return steps[:STEPS] or [_("Nothing: go on as before, and evaluate again when there are many new ads.")]


def _flat_is_better(report: Values) -> Iterator[str]:
    compared, flat = report["flat"]["served_against_flat"], report["flat"]["accuracy"]
    if compared is None or flat is None or compared["difference"] >= 0 or compared["p_value"] >= SIGNIFICANT:
        return
    outcomes, summary = report["hold_out"]["outcomes"], report["hold_out"]["summary"]
    mistakes = summary["test"] - outcomes["right"]
    high_up = outcomes["wrong_at"][0] if outcomes["wrong_at"] else 0
    values = {
        "flat": percent(flat),
        "served": percent(summary["accuracy"]),
        "share": percent(high_up / mistakes if mistakes else 0, 0),
    }
    if mistakes and high_up >= MANY_MISTAKES * mistakes:
        text = _(
            "The flat model is better here (%(flat)s against %(served)s), because %(share)s of the mistakes are wrong main "
            'categories, which no decision further down can mend: give it more weight with TITLES["flat_svc_weight"].'
        )
    else:
        text = _(
            "The flat model is better here (%(flat)s against %(served)s), because the steps further down have too few ads to "
            'choose by: give it more weight with TITLES["flat_svc_weight"].'
        )
    yield text % values


def _labels_to_review(report: Values) -> Iterator[str]:
    noise = report["noise"]
    if not noise["twinned"]:
        return
    conflicting = round((1 - noise["agreement"]) * noise["twinned"])
    if conflicting >= MANY_CONFLICTS * noise["ads"]:
        yield _(
            "Review labels: about %(ads)s ads have nearly the same title as another one that is filed elsewhere. Run "
            "find_mislabels, and decide about the queue's first ones."
        ) % {"ads": count(conflicting)}


def _pairs_to_merge(report: Values) -> Iterator[str]:
    pairs = [pair for pair in report["hold_out"]["pairs"] if _is_mixed(pair)]
    named = dict.fromkeys(tuple(sorted((trail(pair["filed"]), trail(pair["answered"])))) for pair in pairs)
    if named:
        shown = "; ".join(f"{first} + {second}" for first, second in list(named)[:NAMED])
        yield _("Think of merging what even people mix up: %(pairs)s.") % {"pairs": shown}


def _is_mixed(pair: Values) -> bool:
    least = max(MERGE_ADS, MERGE_SHARE * pair["support"])
    return bool(pair["ads"] >= least and pair["opposite"] >= MERGE_ADS)


def _thin_categories(report: Values) -> Iterator[str]:
    data = report["data"]
    thin = data["thin"]
    if not thin or len(thin) < MANY_THIN * data["categories"]:
        return
    # Nearest to having enough: there a few ads help most.
    nearest = sorted(thin, key=lambda row: -row["ads"])[:NAMED]
    yield _(
        "%(count)s of %(all)s categories have fewer than %(few)s ads to learn from: collect more for them (%(named)s), or merge "
        "them into a neighbour."
    ) % {
        "count": count(len(thin)),
        "all": count(data["categories"]),
        "few": count(data["few_ads"]),
        "named": "; ".join(trail(row["path"]) for row in nearest),
    }


def _later_ads(report: Values) -> Iterator[str]:
    later, now = report["later"], report["hold_out"]["summary"]
    if later and later["summary"]["interval"]["high"] < now["accuracy"] - WORTHWHILE:
        yield _(
            "Train often: on later ads it is right in %(later)s of the cases, on ads of the same time in %(now)s."
        ) % {"later": percent(later["summary"]["accuracy"]), "now": percent(now["accuracy"])}


def _probabilities(report: Values) -> Iterator[str]:
    error = report["hold_out"]["summary"]["expected_calibration_error"]
    if error > POOR_CALIBRATION:
        yield _("File no ad by its probability without a person looking: on average it is off by %(error)s.") % {
            "error": percent(error)
        }


def _more_ads(report: Values) -> Iterator[str]:
    curve = report["learning_curve"]
    if len(curve) < 2:
        return
    before, after = curve[-2], curve[-1]
    gain = after["accuracy"] - before["accuracy"]
    if after["gain"]["low"] > 0 and gain >= WORTHWHILE:
        yield _("Collect more ads: from %(before)s to %(after)s it gained %(points)s points, and it still climbs.") % {
            "before": count(before["ads"]),
            "after": count(after["ads"]),
            "points": points(gain),
        }
