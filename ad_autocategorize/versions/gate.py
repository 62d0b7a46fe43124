"""Whether a challenger may take the champion's place: rules on numbers, which know neither titles nor photos.

Four things are looked at, since each stops what the others let through. How many ads there are: a broken query gives few. Whether
a branch was emptied. Whether the champion is still as right about ads that it has not learned from as it was: if labels were
changed by mistake, those of the hold-out were too, and the challenger's own figures cannot tell. And whether the challenger is
surely worse on ads that neither has learned from.
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

# Of the champion's ads, or of a branch's: with fewer something is wrong with the source.
LEAST_SHARE = 0.5
LEAST_SHARE_OF_GROUP = 0.25
# Branches and car fields with fewer ads than this are too small to be judged by themselves.
LEAST_SUPPORT = 50
# Ads that neither has learned from: with fewer the recorded figures are compared.
LEAST_COMPARED = 50
# What the champion may lose on ads that it answered before: more than moderators mend in a night.
MOST_LABELS_LOST = 0.1
# A model that was tested on fewer ads may be anything.
LEAST_TESTED = 100


@dataclass(frozen=True, slots=True)
class Group:
    """A main category, a car field or a brand: how many ads the champion learned from, and the challenger."""

    name: str
    before: int
    now: int


@dataclass(frozen=True, slots=True)
class Labels:
    """The champion's answers for ads of its hold-out: right by the labels then, and by those of today; shape (ads,)."""

    name: str
    then: BoolArray
    today: BoolArray


@dataclass(frozen=True, slots=True)
class Pair:
    """Whether champion and challenger are right about ads that neither has learned from; shape (ads,). "" is overall."""

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
    groups : main categories, car fields and brands that still are to have ads.
    labels, pairs : overall first; none if the champion's outcomes are not known.
    recorded : what each got right on its own hold-out, the champion first; ``None`` if that is not known.
    held_out, new : how many ads of the first pair were in both hold-outs, and how many are new since the champion's training.
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
    """Whether a challenger may be promoted, in JSON's types: ``wording`` puts it in words.

    Attributes
    ----------
    champion : the name of the version that it was compared with; "" for a first version.
    reasons : what speaks against it, each with a "code" and its numbers; none if it passes.
    warnings : what a person should know, likewise.
    compared : for each pair its name, number of ads, accuracies, difference with its interval, and p-value.
    """

    champion: str = ""
    reasons: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    compared: list[dict[str, Any]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against it."""
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
    """Compare a challenger with its champion; ``tolerance`` is how much less accurate it may be, in shares."""
    warnings: list[dict[str, Any]] = []
    asked = _asked(evidence.pairs)
    compared = [_compared(pair, len(asked)) for pair in asked]
    reasons = [*_amount(evidence), *_labels(evidence)]
    if evidence.pairs and len(evidence.pairs[0].champion) >= LEAST_COMPARED:
        warnings.append({"code": "same_ads", "held_out": evidence.held_out, "new": evidence.new})
        reasons += [_worse(row) for row in compared if row["high"] < 0 and row["difference"] < -tolerance]
    else:
        compared = []
        warnings.append({"code": "own_hold_outs"})
        reasons += _worse_by_record(evidence, tolerance)
    return Verdict(evidence.champion, reasons, warnings, compared)


def judge_first(right: int, tested: int, most_common: int) -> Verdict:
    """Return the verdict on a first version, which passes.

    Warns if it is no better than always naming the category that ``most_common`` of the ads tested have, or if few were tested.
    """
    accuracy = Proportion(right, tested)
    if tested and accuracy.interval.low <= Proportion(most_common, tested).share:
        row = {"code": "useless", "accuracy": accuracy.share, "baseline": Proportion(most_common, tested).share}
        return Verdict(warnings=[{**row, "ads": tested}])
    if tested < LEAST_TESTED:
        return Verdict(warnings=[{"code": "few_tested", "ads": tested}])
    return Verdict()


def _asked(pairs: Sequence[Pair]) -> list[Pair]:
    return [*pairs[:1], *(pair for pair in pairs[1:] if len(pair.champion) >= LEAST_SUPPORT)]


def _amount(evidence: Evidence) -> list[dict[str, Any]]:
    """Return the reason that the ads are far too few, or else those of branches that are."""
    if evidence.ads_now < LEAST_SHARE * evidence.ads_before:
        return [{"code": "few_ads", "before": evidence.ads_before, "now": evidence.ads_now}]
    return [
        {"code": "emptied", "name": group.name, "before": group.before, "now": group.now}
        for group in evidence.groups
        if group.before >= LEAST_SUPPORT and group.now < LEAST_SHARE_OF_GROUP * group.before
    ]


def _labels(evidence: Evidence) -> list[dict[str, Any]]:
    found = []
    for labels in evidence.labels:
        shares = PairedShares.of(labels.then, labels.today)
        if shares.ads >= LEAST_SUPPORT and -shares.difference > MOST_LABELS_LOST:
            row = {"code": "labels", "name": labels.name, "ads": shares.ads}
            found.append({**row, "then": shares.first, "today": shares.second})
    return found


def _compared(pair: Pair, among: int) -> dict[str, Any]:
    shares = PairedShares.of(pair.champion, pair.challenger)
    # What holds overall is asked once; the branches are asked many times, and one may be worse by chance.
    interval = shares.interval(max(1, among - 1) if pair.name else 1)
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


def _worse_by_record(evidence: Evidence, tolerance: float) -> list[dict[str, Any]]:
    if evidence.recorded is None:
        return []
    champion, challenger = evidence.recorded
    difference = Difference(challenger, champion)
    if difference.interval.high >= 0 or challenger.share - champion.share >= -tolerance:
        return []
    row = {"code": "worse_by_record", "champion": champion.share, "challenger": challenger.share}
    return [{**row, "ads": challenger.whole}]
