"""What the health page shows of a finding: the question, its evidence in a sentence, and examples side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ad_autocategorize.models import TaxonomyFinding
from ad_autocategorize.moderation.queue.ads import ad_url, path_text
from ad_autocategorize.sources import AdSource, SourceError, using_source
from ad_autocategorize.sources.ads import ads_by_key, title_of
from ad_autocategorize.sources.registered import source_name
from taxonomy.tree import CategoryTree

Kind = TaxonomyFinding.Kind
# Findings that are no questions of their own: the page lists them without evidence.
PLAIN_KINDS = (Kind.RARE, Kind.UNUSED)


@dataclass(frozen=True, slots=True)
class Example:
    """An ad, and its page in the admin; no address where there is none."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Side:
    """A group of examples under a heading, beside others of the same finding."""

    heading: str
    examples: tuple[Example, ...]


def attach_cards(findings: Iterable[Any], *, linked: bool) -> None:
    """Give findings what their cards and rows of the CSV file show, in two queries for all; ``linked`` leads to the ads."""
    findings = list(findings)
    tree = CategoryTree.load(include_inactive=True)
    for name in dict.fromkeys(map(source_name, findings)):
        with using_source(name) as source:
            _attach_examples([finding for finding in findings if source_name(finding) == name], source, tree, linked)
    for finding in findings:
        finding.shown_category = path_text(tree, finding.category_id)
        finding.shown_other = path_text(tree, finding.other_id) if finding.other_id else ""
        finding.shown_question = _question(finding, tree)
        finding.shown_evidence = _evidence(finding, tree)
        finding.shown_groups = [_group_text(group) for group in finding.details.get("groups", ())]
        finding.is_plain = finding.kind in PLAIN_KINDS


def _attach_examples(findings: Sequence[Any], source: AdSource, tree: CategoryTree, linked: bool) -> None:
    ads = ads_by_key([key for finding in findings for key in finding.examples], source)
    for finding in findings:
        found = {key: ads[key] for key in finding.examples if key in ads}
        finding.shown_examples = [(ad, title_of(ad, source)) for ad in found.values()]
        examples = {key: Example(title_of(ad, source), ad_url(ad) if linked else "") for key, ad in found.items()}
        sides = [
            Side(heading, tuple(examples[key] for key in keys))
            for heading, keys in _sides(finding, found, source, tree)
        ]
        finding.shown_sides = [side for side in sides if side.examples]


def _sides(
    finding: TaxonomyFinding, ads: dict[str, Any], source: AdSource, tree: CategoryTree
) -> list[tuple[str, list[str]]]:
    """Return headings and the keys of the examples below them."""
    if finding.kind == Kind.MERGE and finding.other_id:
        pair = (finding.other_id, finding.category_id)
        filed = {key: _filed_at(ad, source, tree) for key, ad in ads.items()}
        return [
            (_("Filed under %(path)s") % {"path": path_text(tree, pk)}, [key for key in ads if pk in filed[key]])
            for pk in pair
        ]
    if finding.kind == Kind.SPLIT:
        return [
            (_group_text(group), [key for key in group.get("examples", ()) if key in ads])
            for group in finding.details["groups"]
        ]
    return [(_("Examples"), list(ads))]


def _group_text(group: dict[str, Any]) -> str:
    return f"{' · '.join(group['words'])} ({group['share']:.0%})"


def _filed_at(ad: Any, source: AdSource, tree: CategoryTree) -> tuple[int, ...]:
    try:
        return source.filed_at_ids(ad, tree)
    except SourceError:
        return ()


def _question(finding: Any, tree: CategoryTree) -> str:
    values = {"category": finding.shown_category, "other": finding.shown_other}
    match finding.kind:
        case Kind.MERGE:
            return _("Merge %(other)s into %(category)s?") % values
        case Kind.SPLIT:
            count = len(finding.details["groups"])
            text = ngettext("Split %(category)s into %(count)d?", "Split %(category)s into %(count)d?", count)
            return text % {**values, "count": count}
        case Kind.OTHERS:
            return _("Empty %(category)s?") % values
    return str(finding.shown_category)


def _evidence(finding: TaxonomyFinding, tree: CategoryTree) -> str:
    """Return what was noticed, in a sentence with its figures."""
    details, ads = finding.details, finding.ads
    match finding.kind:
        case Kind.MERGE:
            return _merge_evidence(finding)
        case Kind.SPLIT:
            # Which groups, the examples' headings say.
            text = _("The titles of its %(ads)d ads fall into groups of their own.")
            return text % {"ads": ads}
        case Kind.OTHERS:
            targets = "; ".join(f"{path_text(tree, pk)} ({count})" for pk, count in details["belong_to"])
            return _("Of its %(ads)d ads many look like those of other categories: %(targets)s.") % {
                "ads": ads,
                "targets": targets,
            }
    text = ngettext("%(count)d ad is filed here or below.", "%(count)d ads are filed here or below.", ads)
    return text % {"count": ads}


def _merge_evidence(finding: TaxonomyFinding) -> str:
    details = finding.details
    values = {
        "back": f"{details['back']:.0%}",
        "there": f"{details['there']:.0%}",
        "mixing": f"{finding.weight:.0%}",
        "ads": finding.ads,
    }
    sentence = _(
        "Of the smaller, %(back)s of the ads look like the larger's, and %(there)s the other way: mixed to %(mixing)s, where "
        "100%% would be two names for one thing. Together they have %(ads)d ads."
    )
    text = sentence % values
    if count := details["near_identical_filed_differently"]:
        more = ngettext(
            "Sellers filed nearly the same title in both %(count)d time.",
            "Sellers filed nearly the same title in both %(count)d times.",
            count,
        )
        text += " " + more % {"count": count}
    return text
