"""Whether a challenger may take the champion's place. The rules are about numbers, the same for titles and photos.

Four things are checked, each of which stops what the others let through:

- how many ads there are, since a broken query returns few;
- whether a branch was emptied;
- whether the champion is as accurate on its own hold-out by today's labels as by those of its training: if labels were changed by
  mistake, those of the challenger's hold-out are wrong too, so that the challenger's own figures do not show it;
- whether the challenger is significantly less accurate on ads that neither has learned from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.statistics.paired import PairedShares
from ad_autocategorize.statistics.proportions import Difference, Proportion

BoolArray = NDArray[np.bool_]

# With a smaller share of the ads that the champion learned from, or of those of a branch, something is wrong with the source.
LEAST_SHARE = 0.5
LEAST_SHARE_OF_GROUP = 0.25
# Branches and car fields with fewer ads are too small to be judged by themselves.
LEAST_SUPPORT = 50
# If there are fewer ads that neither has learned from, the figures of their own hold-outs are compared instead.
LEAST_COMPARED = 50
# The champion may lose so much accuracy to changed labels: more than moderators change in a night.
MOST_LABELS_LOST = 0.1
# The figures of a first version that was tested on fewer ads mean little.
LEAST_TESTED = 100


@dataclass(frozen=True, slots=True)
class Group:
    """A main category, a car field or a brand, and the numbers of ads that champion and challenger learned from in it."""

    name: str
    before: int
    now: int


@dataclass(frozen=True, slots=True)
class Labels:
    """Whether the champion's answers for its hold-out are right by the labels of its training, and by today's; shape (ads,).

    ``name`` is that of a branch or a car field, "" for all ads.
    """

    name: str
    then: BoolArray
    today: BoolArray


@dataclass(frozen=True, slots=True)
class Pair:
    """Whether champion and challenger are right about ads that neither has learned from; shape (ads,).

    ``name`` is that of a branch or a car field, "" for all ads.
    """

    name: str
    champion: BoolArray
    challenger: BoolArray


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a challenger and its champion.

    Attributes
    ----------
    champion : the name of its version.
    ads_before, ads_now : the numbers of ads that they learned from.
    groups : the main categories, car fields and brands that should have ads.
    labels, pairs : those of all ads first, then by branch or car field; empty if the champion's outcomes are not known.
    recorded : the accuracies of champion and challenger, each on its own hold-out; ``None`` if that is not known.
    held_out, new : of the ads of the first pair, how many are of both hold-outs, and how many are new since the champion's
    training.
    """

    champion: str
    ads_before: int
    ads_now: int
    groups: Sequence[Group] = ()
    labels: Sequence[Labels] = ()
    pairs: Sequence[Pair] = ()
    recorded: tuple[Proportion, Proportion] | None = None
    held_out: int = 0
    new: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of the gate, in JSON's types; ``wording`` puts it in words.

    Attributes
    ----------
    champion : the name of the version that it was compared with; "" for a first version.
    reasons : the reasons against promoting it, each with a "code" and its numbers; none if it passes.
    warnings : what a person should know besides, in the same form.
    compared : for each pair its name, number of ads, accuracies, their difference with its interval, and the p-value.
    """

    champion: str = ""
    reasons: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    compared: list[dict[str, Any]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether there is no reason against promoting it."""
        return not self.reasons

    def to_dict(self) -> dict[str, Any]:
        """Return what ``ModelVersion.verdict`` holds."""
        return {
            "champion": self.champion,
            "reasons": self.reasons,
            "warnings": self.warnings,
            "compared": self.compared,
        }


def judge(evidence: Evidence, tolerance: float) -> Verdict:
    """Judge a challenger; ``tolerance`` is how much less accurate than the champion it may be, from 0 to 1."""
    reasons = [*_too_few_ads(evidence), *_changed_labels(evidence)]
    if not evidence.pairs or len(evidence.pairs[0].champion) < LEAST_COMPARED:
        reasons += _worse_on_own_hold_outs(evidence, tolerance)
        return Verdict(evidence.champion, reasons, [{"code": "own_hold_outs"}])
    compared = _compare_pairs(evidence.pairs)
    reasons += [_worse(row) for row in compared if row["high"] < 0 and row["difference"] < -tolerance]
    warning = {"code": "same_ads", "held_out": evidence.held_out, "new": evidence.new}
    return Verdict(evidence.champion, reasons, [warning], compared)


def judge_first(right: int, tested: int, most_common: int) -> Verdict:
    """Return the verdict on a first version, which always passes.

    It warns if the model is no better than always answering the most frequent category, that of ``most_common`` of the tested
    ads; or if few ads were tested.
    """
    accuracy = Proportion(right, tested)
    if tested and accuracy.interval.low <= Proportion(most_common, tested).share:
        row = {"code": "useless", "accuracy": accuracy.share, "baseline": Proportion(most_common, tested).share}
        return Verdict(warnings=[{**row, "ads": tested}])
    if tested < LEAST_TESTED:
        return Verdict(warnings=[{"code": "few_tested", "ads": tested}])
    return Verdict()


def _too_few_ads(evidence: Evidence) -> list[dict[str, Any]]:
    """Return the reason that there are far too few ads; or, if there are enough, a reason for each emptied branch."""
    if evidence.ads_now < LEAST_SHARE * evidence.ads_before:
        return [{"code": "few_ads", "before": evidence.ads_before, "now": evidence.ads_now}]
    return [
        {"code": "emptied", "name": group.name, "before": group.before, "now": group.now}
        for group in evidence.groups
        if group.before >= LEAST_SUPPORT and group.now < LEAST_SHARE_OF_GROUP * group.before
    ]


def _changed_labels(evidence: Evidence) -> list[dict[str, Any]]:
    """Return a reason for each branch or field in which today's labels cost the champion too much accuracy."""
    found = []
    for labels in evidence.labels:
        shares = PairedShares.of(labels.then, labels.today)
        if shares.ads >= LEAST_SUPPORT and -shares.difference > MOST_LABELS_LOST:
            row = {"code": "labels", "name": labels.name, "ads": shares.ads}
            found.append({**row, "then": shares.first, "today": shares.second})
    return found


def _compare_pairs(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Return ``Verdict.compared``: all ads, and the branches or car fields with enough ads to be judged."""
    by_name = [pair for pair in pairs[1:] if len(pair.champion) >= LEAST_SUPPORT]
    # Among many branches one may seem worse by chance, so that their intervals are wider; all ads are compared only once.
    rows = [_compared(pairs[0], comparisons=1)]
    return rows + [_compared(pair, comparisons=len(by_name)) for pair in by_name]


def _compared(pair: Pair, comparisons: int) -> dict[str, Any]:
    shares = PairedShares.of(pair.champion, pair.challenger)
    interval = shares.interval(comparisons)
    return {
        "name": pair.name,
        "ads": shares.ads,
        "champion": shares.first,
        "challenger": shares.second,
        "difference": shares.difference,
        "low": interval.low,
        "high": interval.high,
        "p_value": shares.p_value,
    }


def _worse(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: row[name] for name in ("name", "ads", "champion", "challenger", "low", "high")}
    return {"code": "worse", **kept}


def _worse_on_own_hold_outs(evidence: Evidence, tolerance: float) -> list[dict[str, Any]]:
    """Return the reason that the challenger is significantly less accurate, each judged on its own hold-out."""
    if evidence.recorded is None:
        return []
    champion, challenger = evidence.recorded
    difference = Difference(challenger, champion)
    if difference.interval.high >= 0 or challenger.share - champion.share >= -tolerance:
        return []
    row = {"code": "worse_by_record", "champion": champion.share, "challenger": challenger.share}
    return [{**row, "ads": challenger.whole}]
