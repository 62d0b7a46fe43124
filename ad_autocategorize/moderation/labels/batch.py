"""The ads whose categories are decided, and the categories that they go to."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.utils.translation import gettext as _

from ad_autocategorize.categories.services import active_tree
from ad_autocategorize.models import LabelIssue
from ad_autocategorize.moderation.queue.deciding import ChoiceRefused, DecisionBatch, lock_ads
from ad_autocategorize.moderation.queue.transactions import lock_in_order
from taxonomy.locking import current_version, lock_categories, lock_tree
from taxonomy.tree import CategoryTree


class LabelBatch(DecisionBatch[Any]):
    """Where categories are decided; ``tree`` holds all of them, those out of use too.

    Everything locks in one order, or two could wait for each other: the tree, then categories, then ads, then review items. A
    single decision locks the category that it files an ad at. A bulk action has many, so it locks the whole tree, and a merge
    does too.

    With ``hidden_ads``, ads that the site's own manager leaves out are found as well, for instance softly deleted ones.
    """

    def __init__(self, *, hidden_ads: bool = False) -> None:
        super().__init__()
        self._hidden_ads = hidden_ads
        self.tree = CategoryTree.load(include_inactive=True)
        # The categories in use, while the tree is locked.
        self._active: CategoryTree | None = None
        self._own: dict[int, Any] = {}

    @contextmanager
    def locking(self, ad_ids: Collection[str]) -> Iterator[None]:
        with self.locking_ads(ad_ids):
            issues = LabelIssue.objects.filter(source=self.source.name, ad_id__in=ad_ids)
            lock_in_order(issues.values_list("pk", flat=True))
            yield

    @contextmanager
    def locking_ads(self, ad_ids: Collection[str]) -> Iterator[None]:
        """Lock the tree and the ads, but not their review items: for a merge, which decides about none of them."""
        lock_tree()
        if current_version() != self.tree.version:
            self.tree = CategoryTree.load(include_inactive=True)
            self._own.clear()
        # Not ``active_tree()``, which caches by the tree's version: if a merge were rolled back, this process would keep a tree
        # that was never committed, under a version number that the next change gets.
        self._active = CategoryTree.load()
        try:
            with super().locking(ad_ids):
                yield
        finally:
            self._active = None

    def lock(self, ad_ids: Collection[str]) -> dict[str, Any]:
        return lock_ads(self.source, ad_ids, hidden=self._hidden_ads)

    def lock_category(self, category_id: int) -> None:
        """Keep a category as it is until the transaction ends; to be called before the ad is locked."""
        if self._active is None:
            lock_categories([category_id])

    def require_in_use(self, category_id: int) -> None:
        """Keep the category as it is, too. Raises ``ChoiceRefused`` where no ad may be filed there."""
        self.lock_category(category_id)
        # Looked up after the lock was waited for: a merge that held it has taken the category out of use by now.
        if category_id not in (active_tree() if self._active is None else self._active):
            raise ChoiceRefused(_("This category is out of use; choose another one."))

    def own_category(self, category_id: int) -> Any:
        """Return what ads point at for a category. Raises ``SourceError``."""
        if category_id not in self._own:
            self._own[category_id] = self.source.own_category(category_id, self.tree)
        return self._own[category_id]
