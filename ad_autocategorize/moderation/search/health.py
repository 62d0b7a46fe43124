"""What a search notices about the category tree: unused, confusing, crowded and catch-all categories."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_autocategorize.models import TaxonomyFinding
from ad_autocategorize.moderation.queue.transactions import write_batch
from ad_autocategorize.sources import AdSource, LabelledTitle
from ad_autocategorize.titles.settings import TitleSettings
from taxonomy.tree import CategoryTree

if TYPE_CHECKING:
    from ad_autocategorize.titles.hierarchy import Path
    from ad_autocategorize.titles.label_errors.mislabels import LabelQuality
    from ad_autocategorize.titles.label_errors.near_identical import Neighbors
    from ad_autocategorize.titles.label_errors.out_of_fold import FoldScores

Kind = TaxonomyFinding.Kind

# Fewer ads, at a category and below it, are hardly any use.
RARE_ADS = 5
EXAMPLES = 4
# Names of categories for whatever fits nowhere else.
CATCH_ALL = re.compile(
    r"\b(otr[oa]s?|vari[oa]s|divers[oa]s|dem[aá]s|others?|outr[oa]s?|misc\w*|general|geral|sundry)\b", re.IGNORECASE
)
# Share of a catch-all's ads that must belong elsewhere.
ELSEWHERE_SHARE = 0.1
LEAST_PROBABILITY = 0.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a search knows of the ads."""

    ads: Sequence[LabelledTitle]
    scores: FoldScores
    quality: LabelQuality
    neighbors: dict[int, Neighbors]


def record_health(
    evidence: Evidence, source: AdSource, tree: CategoryTree, settings: TitleSettings, now: datetime
) -> int:
    """Replace the findings of the last search of a source's ads, and return how many there are now."""
    active = CategoryTree.load(scope=source.scope)
    found = [
        *_hardly_used(evidence, active, tree),
        *_worth_merging(evidence),
        *_worth_splitting(evidence, settings),
        *_catch_alls(evidence, tree),
    ]
    for finding in found:
        finding.found_at, finding.source = now, source.name
    write_batch(lambda: _replace(found, source.name))
    return len(found)


def _replace(found: list[TaxonomyFinding], source: str) -> None:
    TaxonomyFinding.objects.filter(source=source).delete()
    TaxonomyFinding.objects.bulk_create(found, batch_size=500)


def _hardly_used(evidence: Evidence, active: CategoryTree, tree: CategoryTree) -> Iterator[TaxonomyFinding]:
    counts: Counter[int] = Counter()
    examples: dict[int, list[str]] = {}
    for ad in evidence.ads:
        for step in tree.path_ids(ad.category_id):
            counts[step] += 1
            if counts[step] < RARE_ADS:
                examples.setdefault(step, []).append(str(ad.ad_id))
    for pk in active:
        parent = active.parent(pk)
        # Below an unused category everything is unused: the top of it is enough.
        if counts[pk] < RARE_ADS and (parent is None or counts[parent] >= RARE_ADS):
            kind = Kind.RARE if counts[pk] else Kind.UNUSED
            weight = 1 - counts[pk] / RARE_ADS
            yield TaxonomyFinding(
                kind=kind, category_id=pk, ads=counts[pk], weight=weight, examples=examples.get(pk, [])
            )


def _worth_merging(evidence: Evidence) -> Iterator[TaxonomyFinding]:
    from ad_autocategorize.titles.label_errors.tree_health import confused_pairs

    categories, given = evidence.scores.categories, evidence.scores.given
    counts = np.bincount(given, minlength=len(categories))
    disagreements = _sellers_disagree(evidence)
    for pair in confused_pairs(evidence.quality.confusion, counts):
        both = [pair.first, pair.second]
        # The one that would take the other's ads: the one above it, or else the larger.
        kept = min(both, key=lambda index: (not _is_above(index, both, categories), -counts[index]))
        emptied = pair.second if kept == pair.first else pair.first
        there, back = (pair.there, pair.back) if kept == pair.first else (pair.back, pair.there)
        yield TaxonomyFinding(
            kind=Kind.MERGE,
            category_id=categories[kept][-1],
            other_id=categories[emptied][-1],
            ads=int(counts[both].sum()),
            weight=pair.mixing,
            details={
                "there": round(there, 3),
                "back": round(back, 3),
                "near_identical_filed_differently": disagreements[frozenset(both)],
            },
            examples=[str(evidence.ads[row].ad_id) for row in _between(evidence, pair.first, pair.second)],
        )


def _between(evidence: Evidence, first: int, second: int) -> list[int]:
    """Return the rows of ads of one category that look like the other's, the surest first."""
    given, both = evidence.scores.given, [first, second]
    # So many of each that the two can be compared side by side.
    rows = np.flatnonzero(np.isin(given, both))
    suggested = rows[np.isin(evidence.quality.suggested[rows], both)]
    if len(suggested):
        found = suggested[np.argsort(-evidence.quality.score[suggested], kind="stable")]
    else:
        # A third category may be likelier still for all of them, one below the other for instance.
        others = np.where(given[rows] == first, second, first)
        found = rows[np.argsort(-evidence.scores.probabilities[rows, others], kind="stable")]
    shown = [row for category in both for row in found[given[found] == category][:EXAMPLES].tolist()]
    return sorted(shown, key=found.tolist().index)


def _is_above(index: int, both: Sequence[int], categories: Sequence[Path]) -> bool:
    path = categories[index]
    return any(categories[other][: len(path)] == path for other in both if other != index)


def _sellers_disagree(evidence: Evidence) -> Counter[frozenset[int]]:
    """Count the doubted ads that have a near-identical one in another category, by the two categories."""
    given = evidence.scores.given
    pairs: Counter[frozenset[int]] = Counter()
    for row, near in evidence.neighbors.items():
        pairs.update({frozenset((int(given[row]), int(other))) for other in given[near.rows] if other != given[row]})
    return pairs


def _worth_splitting(evidence: Evidence, settings: TitleSettings) -> Iterator[TaxonomyFinding]:
    from ad_autocategorize.titles.label_errors.tree_health import hidden_clusters

    categories, given = evidence.scores.categories, evidence.scores.given
    counts = np.bincount(given, minlength=len(categories))
    for clusters in hidden_clusters([ad.title for ad in evidence.ads], given, categories, settings):
        groups: list[dict[str, Any]] = [
            {"words": list(words), "share": round(share, 2), "examples": [str(evidence.ads[row].ad_id) for row in rows]}
            for words, share, rows in zip(clusters.words, clusters.shares, clusters.examples, strict=True)
        ]
        yield TaxonomyFinding(
            kind=Kind.SPLIT,
            category_id=categories[clusters.category][-1],
            ads=int(counts[clusters.category]),
            weight=clusters.silhouette,
            details={"groups": groups},
            examples=[key for group in groups for key in group["examples"]],
        )


def _catch_alls(evidence: Evidence, tree: CategoryTree) -> Iterator[TaxonomyFinding]:
    categories, given, quality = evidence.scores.categories, evidence.scores.given, evidence.quality
    for index, path in enumerate(categories):
        if not CATCH_ALL.search(tree.name(path[-1])):
            continue
        rows = np.flatnonzero(given == index)
        doubted = quality.suggested_probability[rows] > quality.given_probability[rows]
        elsewhere = rows[doubted & (quality.suggested_probability[rows] >= LEAST_PROBABILITY)]
        if len(rows) < RARE_ADS or len(elsewhere) < ELSEWHERE_SHARE * len(rows):
            continue
        targets = Counter(quality.suggested[elsewhere].tolist()).most_common(3)
        elsewhere = elsewhere[np.argsort(-quality.score[elsewhere], kind="stable")][:EXAMPLES]
        yield TaxonomyFinding(
            kind=Kind.OTHERS,
            category_id=path[-1],
            other_id=categories[targets[0][0]][-1],
            ads=len(rows),
            weight=sum(count for _, count in targets) / len(rows),
            details={"belong_to": [[categories[target][-1], count] for target, count in targets]},
            examples=[str(evidence.ads[row].ad_id) for row in elsewhere.tolist()],
        )
