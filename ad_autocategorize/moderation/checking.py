"""What the model thinks of an ad's category, at the moment of moderation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from ad_autocategorize.confidence import VERY_LIKELY
from ad_autocategorize.moderation.models import LabelIssue
from ad_autocategorize.moderation.presentation import path_text, title_of
from ad_autocategorize.services import suggest_categories_for_many
from ad_autocategorize.sources import get_source
from taxonomy.tree import CategoryTree


@dataclass(frozen=True, slots=True)
class CategoryCheck:
    """A suggested category beside an ad's own.

    ``warns`` where they differ and the suggestion is very likely, or where a search has put the ad into the review queue;
    then ``review_url`` leads there.
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
    open_issues = LabelIssue.objects.filter(state=LabelIssue.State.OPEN, ad_id__in=[str(ad.pk) for ad in ads])
    issues = {issue.ad_id: issue for issue in open_issues}
    answers = suggest_categories_for_many([title_of(ad, source) for ad in ads], limit=1)
    checks = {}
    for ad, answer in zip(ads, answers, strict=True):
        given = source.taxonomy_category_id(ad, tree)
        issue = issues.get(str(ad.pk))
        if issue is not None and issue.given_id == given:
            url = f"{reverse('admin:ad_autocategorize_labelissue_review')}?issue={issue.pk}"
            path = path_text(tree, issue.suggested_id)
            checks[ad.pk] = CategoryCheck(path, issue.suggested_probability, False, True, url)
        elif answer.suggestions:
            best = answer.suggestions[0]
            agrees = best.category_id == given
            warns = not agrees and best.probability >= VERY_LIKELY
            checks[ad.pk] = CategoryCheck(best.path_text, best.probability, agrees, warns)
    return checks
