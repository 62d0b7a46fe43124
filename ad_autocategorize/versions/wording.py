"""A verdict in sentences, for the command line and the admin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ad_autocategorize.models import ModelVersion
from ad_autocategorize.sources.cars import HEADINGS


def reasons_of(version: ModelVersion) -> list[str]:
    """Return the reasons against promoting a version, in the active language."""
    return [_reason(_named(row, version)) for row in version.verdict.get("reasons", ())]


def warnings_of(version: ModelVersion) -> list[str]:
    """Return the warnings of a version's verdict, in the active language."""
    return [_warning(row) for row in version.verdict.get("warnings", ())]


def compared_rows(version: ModelVersion) -> list[dict[str, Any]]:
    """Return the comparisons with the champion, with names in the active language and shares as texts."""
    rows = []
    for row in version.verdict.get("compared", ()):
        shares = {key: percent(row[key]) for key in ("champion", "challenger", "low", "high")}
        name = name_of(row["name"], version.kind) or _("all")
        rows.append({**shares, "name": name, "ads": row["ads"], "p_value": row["p_value"]})
    return rows


def count_rows(version: ModelVersion) -> list[tuple[str, int]]:
    """Return the numbers of ads that a version learned from, by main category, or by car field and brand."""
    return [(name_of(row["name"], version.kind), row["ads"]) for row in version.counts]


def name_of(name: str, kind: str) -> str:
    """Return the name of a main category or brand as it is, and that of a car field in the active language."""
    return str(HEADINGS.get(name, name)) if kind == ModelVersion.Kind.PHOTOS else name


def percent(share: float) -> str:
    """Return a share as a person reads it, with one decimal."""
    return f"{number_format(100 * share, 1)} %"


def _named(row: Mapping[str, Any], version: ModelVersion) -> dict[str, Any]:
    return {**row, "name": name_of(row.get("name", ""), version.kind)}


def _reason(row: Mapping[str, Any]) -> str:
    texts = {
        "few_ads": _(
            "There are %(now)s ads to learn from, fewer than half of the champion's %(before)s: is the source's query right?"
        ),
        "emptied": _("“%(name)s” has %(now)s ads left of %(before)s: was it emptied by mistake?"),
        "labels": _(
            "Of %(ads)s ads that the champion was tested on it had %(then)s right, and has %(today)s by today's labels: were "
            "ads filed elsewhere by mistake?"
        ),
        "worse": _(
            "On %(ads)s ads that neither had learned from the champion is right for %(champion)s and the new version for "
            "%(challenger)s (difference from %(low)s to %(high)s)."
        ),
        "worse_by_record": _(
            "On its own hold-out the champion was right for %(champion)s, the new version is for %(challenger)s of %(ads)s ads."
        ),
    }
    return _filled(texts, row)


def _warning(row: Mapping[str, Any]) -> str:
    texts = {
        "same_ads": _(
            "Compared on ads that neither had learned from: %(held_out)s that both had set aside, and %(new)s that are new."
        ),
        "own_hold_outs": _(
            "Too few ads are known that neither had learned from: what each recorded on its own hold-out was compared."
        ),
        "useless": _(
            "The hold-out says that this model is useless: %(accuracy)s of %(ads)s ads are right, and always naming the most "
            "frequent answer would be right for %(baseline)s."
        ),
        "few_tested": _("It was tested on %(ads)s ads alone: nobody knows yet how good it is."),
    }
    return _filled(texts, row)


def _filled(texts: Mapping[str, str], row: Mapping[str, Any]) -> str:
    """Return the sentence of a row's code, with its numbers written as a person reads them."""
    text = texts.get(str(row.get("code")))
    if text is None:
        return str(row.get("code"))
    values = {name: percent(value) if isinstance(value, float) else value for name, value in row.items()}
    sentence = text % values
    # A sentence about one branch or car field begins with its name.
    if row.get("name") and "%(name)s" not in text:
        return f"{row['name']}: {sentence}"
    return sentence
