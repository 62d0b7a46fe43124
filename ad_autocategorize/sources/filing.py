"""Where ads are filed: at one category or at several, of the taxonomy or of the host's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from django.db.models import Model, QuerySet
from django.db.models.constants import LOOKUP_SEP

from ad_autocategorize.sources.fields import FieldPaths, SourceError, Step, steps_of

if TYPE_CHECKING:
    from taxonomy.tree import CategoryTree

# From an ad to the keys of the ``taxonomy.Category`` it is filed at.
Finder = Callable[[Any], tuple[int, ...]]


class FiledAds(FieldPaths):
    """Reads and changes the categories of ads, as ``category`` of a source describes them."""

    category: ClassVar[str]

    if TYPE_CHECKING:

        @cached_property
        def uses_taxonomy(self) -> bool: ...
        @property
        def scope(self) -> str: ...
        def ad_model(self) -> type[Model]: ...
        def category_path(self, category: Any) -> Sequence[Any]: ...

    @cached_property
    def category_steps(self) -> list[Step]:
        """The steps of the field path to the category; none where ``category`` is a method. Raises ``SourceError``."""
        return steps_of(self.ad_model(), self.category) if self.is_path("category") else []

    @property
    def has_several_categories(self) -> bool:
        """Whether the field path leads to several categories per ad."""
        return any(step.leads_to_many for step in self.category_steps)

    def categories_of(self, ad: Any) -> list[Any]:
        """Return the host's categories of an ad; none, one or several."""
        if not self.category_steps:
            return _listed(self.value_of(ad, "category"))
        found = [ad]
        for step in self.category_steps:
            found = [value for owner in found for value in _listed(getattr(owner, step.attribute, None))]
        return found

    def filed_at_ids(self, ad: Any, tree: CategoryTree) -> tuple[int, ...]:
        """Return the keys of the ``taxonomy.Category`` that an ad is filed at, those that ``tree`` holds."""
        return self.category_finder(tree)(ad)

    def filed_at_ids_of(self, ads: Iterable[Any], tree: CategoryTree) -> list[tuple[int, ...]]:
        """Return the same for many ads; the host is asked for the path of each of its categories once."""
        return list(map(self.category_finder(tree), ads))

    def category_finder(self, tree: CategoryTree) -> Finder:
        """Return what ``filed_at_ids`` does, for many ads of one ``tree``."""
        if self.uses_taxonomy:
            return lambda ad: tuple(pk for pk in self._own_keys(ad) if pk in tree)
        known: dict[Any, int | None] = {}
        scope = self.scope

        def key_of(category: Any) -> int | None:
            # Each host category is asked for its path once, however many ads it has.
            identity = (type(category), category.pk)
            if identity not in known:
                path = self.category_path(category)
                known[identity] = tree.by_external_id(path[-1].external_id, scope) if path else None
            return known[identity]

        def find(ad: Any) -> tuple[int, ...]:
            found = (key_of(category) for category in self.categories_of(ad))
            return tuple(dict.fromkeys(pk for pk in found if pk is not None))

        return find

    def replace_category(self, ad: Any, former: Any, category: Any) -> None:
        """File an ad at ``category`` in place of ``former``. Called in a transaction, with the ad's row locked.

        Called in place of ``relabel`` where ads have several categories; the ad's others stay. This changes a many-to-many field,
        or the rows of its through model. Override it if ``category`` is a method that returns several. Raises ``SourceError``.
        """
        if not self.has_several_categories:
            raise SourceError(
                f"{type(self).__name__}.replace_category(ad, former, category) is missing: say how one of an ad's several "
                "categories is replaced."
            )
        self._replace_related(ad, former, category)

    def may_have_several(self, ad: Any) -> bool:
        """Return whether ``replace_category`` moves an ad, rather than ``relabel``."""
        if self.has_several_categories or type(self).replace_category is not FiledAds.replace_category:
            return True
        return not self.category_steps and len(self.categories_of(ad)) > 1

    def relations(self) -> list[str]:
        """Return the relations that reading title, category, date, seller and language follows."""
        paths = [
            str(getattr(self, name))
            for name in ("title", "date", "seller", "language")
            if getattr(self, name) and self.is_path(name)
        ]
        relations = [path.rpartition(LOOKUP_SEP)[0] for path in paths]
        if self.is_path("category"):
            # A host's own category is needed whole, to ask for its path; one of the taxonomy by its key alone.
            by_key = self.uses_taxonomy and not self.has_several_categories
            relations.append(self.category.rpartition(LOOKUP_SEP)[0] if by_key else self.category)
        return [relation for relation in relations if relation]

    def ads_with(self, categories: Sequence[Any]) -> QuerySet[Any]:
        """Return the ads whose path leads to one of these categories, each once: unpublished and softly deleted ones too."""
        lookup = LOOKUP_SEP.join(step.lookup for step in self.category_steps)
        # The default manager may hide ads that will be restored.
        ads = self.ad_model()._base_manager.filter(**{f"{lookup}__in": categories})
        return ads.distinct() if self.has_several_categories else ads

    def _own_keys(self, ad: Any) -> list[Any]:
        if len(self.category_steps) == 1 and not self.has_several_categories:
            # Without reading the category.
            return [getattr(ad, f"{self.category_steps[0].attribute}_id")]
        return [category.pk for category in self.categories_of(ad)]

    def _replace_related(self, ad: Any, former: Any, category: Any) -> None:
        *before, last = self.category_steps
        if not before and last.field.many_to_many and last.field.concrete:
            through = last.field.remote_field.through
            if through._meta.auto_created:
                related = getattr(ad, last.attribute)
                related.remove(former)
                related.add(category)
                return
            to_ad, to_category = last.field.m2m_field_name(), last.field.m2m_reverse_field_name()
            rows = through._default_manager.using(ad._state.db).filter(**{to_ad: ad})
        elif len(before) == 1 and before[0].field.one_to_many and last.field.many_to_one:
            rows, to_category = getattr(ad, before[0].attribute).all(), last.field.name
        else:
            raise SourceError(
                f"{type(self).__name__}.replace_category(ad, former, category) is missing: say how an ad is filed elsewhere."
            )
        is_there = rows.filter(**{to_category: category}).exists()
        for row in rows.filter(**{to_category: former}):
            if is_there:
                row.delete()
            else:
                setattr(row, to_category, category)
                row.save(update_fields=[to_category])


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    if hasattr(value, "all"):
        return list(value.all())
    return list(value) if isinstance(value, list | tuple | set | frozenset | QuerySet) else [value]
