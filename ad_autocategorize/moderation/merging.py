"""Merging a category into another: how much is affected, and doing it with every ad recorded."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from django.db import transaction
from django.utils.translation import gettext as _

from ad_autocategorize.models import ModelVersion
from ad_autocategorize.moderation.models import LabelIssue, TaxonomyFinding
from ad_autocategorize.moderation.presentation import path_text
from ad_autocategorize.moderation.review import Reviewer, relabel_ad
from ad_autocategorize.services import active_tree
from ad_autocategorize.sources import SourceError, get_source
from taxonomy.models import Category
from taxonomy.tree import CategoryTree

# What one request moves; more is for a quiet hour and the command line.
MERGE_LIMIT = 5000


class MergeRefused(ValueError):
    """The two categories cannot be merged; the message says why, for a person."""


@dataclass(frozen=True, slots=True)
class MergePlan:
    """What a merge would change; ``classifiers`` are the nodes that learn of it at the next training.

    ``mirrored`` where the site has categories of its own, from which ``sync_taxonomy`` would bring the emptied one back.
    """

    source_path: str
    target_path: str
    ads: int
    classifiers: tuple[str, ...]
    model: str
    mirrored: bool


def plan_merge(category_id: int, into_id: int) -> MergePlan:
    """Count what is affected. Raises ``MergeRefused``, ``SourceError``."""
    tree = CategoryTree.load(include_inactive=True)
    if category_id not in tree or into_id not in tree or category_id == into_id:
        raise MergeRefused(_("Choose two categories of the tree."))
    if tree.children(category_id):
        raise MergeRefused(_("This category has others below it; move or merge those first."))
    if into_id not in active_tree():
        raise MergeRefused(_("%(path)s is out of use.") % {"path": path_text(tree, into_id)})
    source = get_source()
    ads = source.filed_at([category_id], tree).count()
    if ads > MERGE_LIMIT:
        raise MergeRefused(_("%(ads)d ads are too many for one request.") % {"ads": ads})
    parents = dict.fromkeys([tree.parent(category_id), tree.parent(into_id)])
    names = tuple(_node_name(parent, tree) for parent in parents)
    paths = path_text(tree, category_id), path_text(tree, into_id)
    return MergePlan(*paths, ads, names, _active_model(), not source.uses_taxonomy)


@transaction.atomic
def merge(category_id: int, into_id: int, reviewer: Reviewer) -> int:
    """Move every ad, published or not, and take the emptied category out of use; return how many ads moved.

    Every move is a decision of one batch, which can be undone. Raises ``MergeRefused``, ``SourceError``.
    """
    plan_merge(category_id, into_id)
    source, tree = get_source(), CategoryTree.load(include_inactive=True)
    batch = replace(reviewer, batch=reviewer.batch or uuid.uuid4())
    keys = list(source.filed_at([category_id], tree).values_list("pk", flat=True))
    for key in keys:
        relabel_ad(str(key), (category_id, into_id), batch, tree)
    category = Category.objects.get(pk=category_id)
    category.is_active = False
    category.save()
    # What was found about the emptied category is answered.
    LabelIssue.objects.filter(state=LabelIssue.State.OPEN, given_id=category_id).delete()
    LabelIssue.objects.filter(state=LabelIssue.State.OPEN, suggested_id=category_id).delete()
    TaxonomyFinding.objects.filter(category_id=category_id).delete()
    TaxonomyFinding.objects.filter(other_id=category_id).delete()
    return len(keys)


def report_impact(category: Category) -> str:
    """Say how many ads and which classifier depend on a category's place; for the category's own admin page."""
    tree = CategoryTree.load(include_inactive=True)
    if category.pk not in tree or not (model := _active_model()):
        return ""
    keys, waiting = [], [category.pk]
    while waiting:
        keys.append(waiting.pop())
        waiting += tree.children(keys[-1])
    try:
        ads = get_source().filed_at(keys, tree).count()
    except SourceError:
        return ""
    values = {
        "ads": ads,
        "node": _node_name(tree.parent(category.pk), tree),
        "model": model,
    }
    return (
        _(
            "%(ads)s ads are filed here or below. If it moves or goes out of use, suggestions follow at once; the classifier at "
            "%(node)s (%(model)s) learns of it at the next training."
        )
        % values
    )


def _active_model() -> str:
    active = ModelVersion.objects.filter(kind=ModelVersion.Kind.TITLES, is_active=True).first()
    return active.name if active else ""


def _node_name(category_id: int | None, tree: CategoryTree) -> str:
    return _("main categories") if category_id is None else path_text(tree, category_id)
