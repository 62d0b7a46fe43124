"""Findings about the tree that somebody has put off: they are not shown again until they are asked for."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from ad_autocategorize.models import PostponedFinding, TaxonomyFinding


def postpone(finding: TaxonomyFinding) -> None:
    """Do not show a finding for now, nor the same one of a later search."""
    category, other = _in_order(finding)
    PostponedFinding.objects.get_or_create(kind=finding.kind, category_id=category, other_id=other)


def take_up(finding: TaxonomyFinding) -> None:
    """Show a finding again that was put off."""
    category, other = _in_order(finding)
    PostponedFinding.objects.filter(kind=finding.kind, category_id=category, other_id=other).delete()


def without_postponed(findings: QuerySet[TaxonomyFinding]) -> QuerySet[TaxonomyFinding]:
    """Return the findings that nobody has put off."""
    return findings.filter(~Exists(_postponed()))


def only_postponed(findings: QuerySet[TaxonomyFinding]) -> QuerySet[TaxonomyFinding]:
    """Return the findings that somebody has put off."""
    return findings.filter(Exists(_postponed()))


def _postponed() -> QuerySet[PostponedFinding]:
    category, other = OuterRef("category_id"), OuterRef("other_id")
    single = Q(category_id=category, other_id=None)
    # Which of a pair would take the other's ads may differ from search to search.
    pair = Q(category_id=category, other_id=other) | Q(category_id=other, other_id=category)
    return PostponedFinding.objects.filter(single | pair, kind=OuterRef("kind"))


def _in_order(finding: TaxonomyFinding) -> tuple[int, int | None]:
    # A catch-all is put off whatever it is that most of its ads look like.
    if finding.kind != TaxonomyFinding.Kind.MERGE or finding.other_id is None:
        return finding.category_id, None
    first, second = sorted((finding.category_id, finding.other_id))
    return first, second
