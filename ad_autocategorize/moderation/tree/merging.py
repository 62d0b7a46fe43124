"""Merging a category into another: how much is affected, and doing it with every ad recorded."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ad_autocategorize.models import LabelIssue, ModelVersion, TaxonomyFinding
from ad_autocategorize.moderation.labels.batch import LabelBatch
from ad_autocategorize.moderation.labels.review import Reviewer, relabel_ad
from ad_autocategorize.moderation.queue.ads import path_text
from ad_autocategorize.moderation.queue.bulk_actions import UNDO_LIMIT
from ad_autocategorize.moderation.queue.transactions import decision_transaction, lock_in_order
from ad_autocategorize.sources import AdSource, SourceError, using_source
from ad_autocategorize.sources.registered import source_names
from taxonomy.locking import lock_categories, tree_write
from taxonomy.models import Category
from taxonomy.tree import CategoryTree

# What one request moves before a web server loses patience; merge_categories moves more.
MERGE_LIMIT = UNDO_LIMIT
LOCKED_AT_ONCE = 500


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


def plan_merge(category_id: int, into_id: int, most: int | None = MERGE_LIMIT) -> MergePlan:
    """Count what is affected; more than ``most`` ads are refused. Raises ``MergeRefused``, ``SourceError``."""
    tree = CategoryTree.load(include_inactive=True)
    if category_id not in tree or into_id not in tree or category_id == into_id:
        raise MergeRefused(_("Choose two categories of the tree."))
    if tree.children(category_id):
        raise MergeRefused(_("This category has others below it; move or merge those first."))
    # Not ``active_tree()``, which caches by the tree's version: if a merge were rolled back, this process would keep a tree that
    # was never committed, under a version number that the next change gets.
    active, paths = CategoryTree.load(), (path_text(tree, category_id), path_text(tree, into_id))
    if into_id not in active:
        raise MergeRefused(_("%(path)s is out of use.") % {"path": paths[1]})
    sources = _sources_of(category_id, tree)
    if tree.scope(category_id) != tree.scope(into_id):
        raise MergeRefused(_("The two categories are of different kinds of ads."))
    ads = sum(source.filed_at([category_id], tree).count() for source in sources)
    if not ads and category_id not in active:
        raise MergeRefused(_("%(path)s is empty and out of use already.") % {"path": paths[0]})
    if most is not None and ads > most:
        text = _("%(ads)d ads are too many for one request. Ask for manage.py merge_categories, which has no limit.")
        raise MergeRefused(text % {"ads": ads})
    names = _node_names([tree.parent(category_id), tree.parent(into_id)], tree)
    return MergePlan(*paths, ads, names, _active_model(), not sources[0].uses_taxonomy)


@decision_transaction()
def merge(category_id: int, into_id: int, reviewer: Reviewer, most: int | None = MERGE_LIMIT) -> int:
    """Move every ad, published or not, and take the emptied category out of use; return how many ads moved.

    Every move is a decision of one batch, which can be undone. Raises ``MergeRefused``, ``ReviewConflict``, ``SourceError``.
    """
    # From before the plan is checked: two merges in opposite directions would both pass, and each empty the other's target.
    with tree_write():
        # A decision that files an ad at either category is done before the ads are counted; or else it waits for this lock, and
        # is refused then, since the category is out of use.
        lock_categories([category_id, into_id])
        plan_merge(category_id, into_id, most)
        moved = _move_ads(category_id, into_id, reviewer)
        category = Category.objects.get(pk=category_id)
        category.is_active = False
        category.save()
    # What a search has asked about the emptied category is answered by the merge.
    about = LabelIssue.objects.filter(
        Q(given_id=category_id) | Q(suggested_id=category_id), state=LabelIssue.State.OPEN
    )
    lock_in_order(about.values_list("pk", flat=True))
    about.delete()
    TaxonomyFinding.objects.filter(category_id=category_id).delete()
    TaxonomyFinding.objects.filter(other_id=category_id).delete()
    return moved


def _sources_of(category_id: int, tree: CategoryTree) -> list[AdSource]:
    """Return the sources whose ads may be filed at a category: the one that it mirrors, or all that share the taxonomy."""
    found = []
    for name in source_names():
        with using_source(name) as source:
            if source.scope == tree.scope(category_id):
                found.append(source)
    return found


def _move_ads(category_id: int, into_id: int, reviewer: Reviewer) -> int:
    merging, moved = replace(reviewer, batch=reviewer.batch or uuid.uuid4()), 0
    for source in _sources_of(category_id, CategoryTree.load(include_inactive=True)):
        with using_source(source.name), decision_transaction():
            moved += _move_ads_of_source(category_id, into_id, merging)
    return moved


def _move_ads_of_source(category_id: int, into_id: int, merging: Reviewer) -> int:
    batch = LabelBatch(hidden_ads=True)
    keys = [str(key) for key in batch.source.filed_at([category_id], batch.tree).values_list("pk", flat=True)]
    for start in range(0, len(keys), LOCKED_AT_ONCE):
        chunk = keys[start : start + LOCKED_AT_ONCE]
        with batch.locking_ads(chunk):
            for key in chunk:
                relabel_ad(key, (category_id, into_id), merging, batch)
    return len(keys)


def report_impact(category: Category, moved: tuple[int | None, int | None] | None) -> str:
    """Say how many ads and which classifiers depend on a category's place; for the category's own admin page.

    ``moved`` are the keys of the former and the present parent, once it is done.
    """
    tree = CategoryTree.load(include_inactive=True)
    if category.pk not in tree:
        return ""
    nodes = _node_names(moved or [tree.parent(category.pk)], tree)
    sentences = [_ads_below(category.pk, tree), _what_learns(nodes, done=moved is not None)]
    if not all(source.uses_taxonomy for source in _sources_of(category.pk, tree)):
        sentences.append(_("sync_taxonomy would put it back: change the site's own categories too."))
    return " ".join(filter(None, sentences))


def _ads_below(category_id: int, tree: CategoryTree) -> str:
    keys, waiting = [], [category_id]
    while waiting:
        keys.append(waiting.pop())
        waiting += tree.children(keys[-1])
    try:
        count = sum(source.filed_at(keys, tree).count() for source in _sources_of(category_id, tree))
    except SourceError:
        # The system checks tell what the source lacks.
        return ""
    return ngettext("%(count)d ad is filed here or below.", "%(count)d ads are filed here or below.", count) % {
        "count": count
    }


def _what_learns(nodes: Sequence[str], *, done: bool) -> str:
    if not (model := _active_model()):
        return ""
    values = {"nodes": "; ".join(nodes), "model": model}
    if done:
        text = _(
            "Suggestions follow at once. Classifiers that learn of it at the next training: %(nodes)s (%(model)s)."
        )
    else:
        text = _(
            "If it moves or goes out of use, suggestions follow at once. Classifiers that learn of it at the next training: "
            "%(nodes)s, and the one where it goes (%(model)s)."
        )
    return text % values


def _active_model() -> str:
    active = ModelVersion.objects.filter(kind=ModelVersion.Kind.TITLES, is_active=True).first()
    return active.name if active else ""


def _node_names(parents: Iterable[int | None], tree: CategoryTree) -> tuple[str, ...]:
    """Return the names of the classifiers that choose among the children of these categories, each once."""
    return tuple(_("main categories") if pk is None else path_text(tree, pk) for pk in dict.fromkeys(parents))
