"""What the model thinks of an ad's category, at the moment of moderation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import prefetch_related_objects
from django.urls import NoReverseMatch, reverse

from ad_autocategorize.categories.services import suggest_categories_for_many
from ad_autocategorize.confidence import VERY_LIKELY
from ad_autocategorize.models import LabelIssue
from ad_autocategorize.moderation.labels.fingerprints import fingerprint
from ad_autocategorize.moderation.queue.ads import path_text
from ad_autocategorize.sources import get_source
from ad_autocategorize.sources.ads import title_of
from taxonomy.tree import CategoryTree


@dataclass(frozen=True, slots=True)
class CategoryCheck:
    """A suggested category beside an ad's own.

    ``warns`` where they differ, the suggestion is very likely and no moderator has approved of the ad's own; ``review_url``
    leads to the review queue where a search has put the ad there.
    """

    path: str
    probability: float
    agrees: bool
    warns: bool
    review_url: str = ""


def check_categories(ads: Sequence[Any]) -> dict[Any, CategoryCheck]:
    """Return the check of each ad by its key, in a few queries for all; ads about which no model says anything are missing.

    An ad of the review queue is answered for by the models that never saw it, any other by the one in service, which may have
    learned a published ad's wrong category by heart.
    """
    if not ads:
        return {}
    source, tree = get_source(), CategoryTree.load(include_inactive=True)
    # What title and category follow, at once for all: the host's list need not have fetched it.
    prefetch_related_objects(list(ads), *source.relations(), *source.select_related)
    issues = {
        issue.ad_id: issue
        for issue in LabelIssue.objects.filter(source=source.name, ad_id__in=[str(ad.pk) for ad in ads])
    }
    titles = [title_of(ad, source) for ad in ads]
    filed, answers = source.filed_at_ids_of(ads, tree), suggest_categories_for_many(titles, limit=1)
    checks = {}
    for ad, title, given, answer in zip(ads, titles, filed, answers, strict=True):
        issue = issues.get(str(ad.pk))
        if issue is not None and issue.state == LabelIssue.State.OPEN and issue.given_id in given:
            path, probability = path_text(tree, issue.suggested_id), issue.suggested_probability
            warns = probability >= VERY_LIKELY
            checks[ad.pk] = CategoryCheck(path, probability, False, warns, _review_url(issue))
        elif answer.suggestions:
            best = answer.suggestions[0]
            agrees, settled = best.category_id in given, _is_settled(issue, title, given, tree)
            warns = not agrees and not settled and best.probability >= VERY_LIKELY
            checks[ad.pk] = CategoryCheck(best.path_text, best.probability, agrees, warns)
    return checks


def _is_settled(issue: LabelIssue | None, title: str, given: Sequence[int], tree: CategoryTree) -> bool:
    """Return whether a moderator has decided that the ad, as it is now, belongs where it is."""
    return issue is not None and bool(given) and issue.fingerprint == fingerprint(title.strip(), given, tree)


def _review_url(issue: LabelIssue) -> str:
    """Return the issue's page; empty on a site that serves an admin of its own without the queue."""
    try:
        return f"{reverse('admin:ad_autocategorize_labelissue_review')}?issue={issue.pk}"
    except NoReverseMatch:
        return ""
