"""Categories as an MPTT tree whose parent keys are the truth; what is special to django-mptt stays in this app."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, QuerySet
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from mptt.models import MPTTModel, TreeForeignKey

from taxonomy.locking import tree_write
from taxonomy.names import fold_name
from taxonomy.signals import categories_moved


class TaxonomyState(models.Model):
    """A single row that every writer of the tree updates: its lock, and the version that readers compare."""

    version = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"version {self.version}"


class Category(MPTTModel):
    """A node of the category tree; ads may be filed at any of them, not at leaves only."""

    name = models.CharField(_("name"), max_length=200)
    slug = models.SlugField(_("slug"), max_length=220, blank=True)
    parent = TreeForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("parent"),
    )
    # Null for none: of several without one, empty texts would not be unique.
    external_id = models.CharField(  # noqa: DJ001
        _("external id"),
        max_length=200,
        null=True,
        blank=True,
        help_text=_("The key of this category in the marketplace's own tables."),
    )
    scope = models.CharField(
        max_length=50,
        blank=True,
        default="",
        editable=False,
        help_text="Which of several trees the category belongs to, where a site has several kinds of ads.",
    )
    host_key = models.CharField(
        max_length=200,
        blank=True,
        default="",
        editable=False,
        help_text="What the marketplace's own tables and forms know the category by, where that is not the external id.",
    )
    translations = models.JSONField(
        default=dict, blank=True, editable=False, help_text="The name in other languages, by language code."
    )
    is_active = models.BooleanField(_("active"), default=True, help_text=_("Inactive categories are not suggested."))

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["tree_id", "lft"]
        constraints = [
            models.UniqueConstraint(fields=["parent", "name"], name="ad_taxonomy_sibling_names"),
            models.UniqueConstraint(fields=["scope", "name"], condition=Q(parent=None), name="ad_taxonomy_root_names"),
            models.UniqueConstraint(fields=["scope", "external_id"], name="taxonomy_external_ids"),
        ]

    class MPTTMeta:
        order_insertion_by = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save under the tree's lock; the tree columns are read afresh, whatever this instance remembers of them."""
        self.slug = self.slug or slugify(self.name)[:220]
        self.external_id = self.external_id or None
        if self.parent is not None:
            self.scope = self.parent.scope
        with tree_write():
            moved = Category.objects.filter(pk=self.pk).exclude(parent=self.parent_id).exists()
            self._refresh_tree_columns()
            super().save(*args, **kwargs)
            if moved:
                categories_moved.send(sender=Category)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete under the tree's lock."""
        with tree_write():
            self._refresh_tree_columns()
            return super().delete(*args, **kwargs)

    def clean(self) -> None:
        """Refuse to move a category under itself or one of its own descendants."""
        super().clean()
        if self.pk and self.parent and self.pk in self.parent.path_ids():
            raise ValidationError({"parent": _("A category cannot be moved under itself.")})
        self.scope = self.parent.scope if self.parent else self.scope
        others = Category.objects.filter(scope=self.scope).exclude(pk=self.pk)
        siblings = others.filter(parent=self.parent).values_list("name", flat=True)
        if fold_name(self.name) in map(fold_name, siblings):
            raise ValidationError({"name": _("Another category here has this name, or one that looks the same.")})
        if self.external_id and others.filter(external_id=self.external_id).exists():
            raise ValidationError({"external_id": _("Another category has this external id.")})

    def path(self) -> list[Category]:
        """Return the categories from the main one to this, in one query at most."""
        return [self] if self.parent_id is None else list(self.get_ancestors(include_self=True))

    def path_names(self) -> tuple[str, ...]:
        """Return the names along the path, the main category's first."""
        return tuple(category.name for category in self.path())

    def path_ids(self) -> tuple[int, ...]:
        """Return the primary keys along the path, the main category's first."""
        return tuple(category.pk for category in self.path())

    def child_categories(self) -> QuerySet[Category]:
        """Return the active categories right below this one."""
        return Category.objects.filter(parent=self, is_active=True)

    def subtree(self) -> QuerySet[Category]:
        """Return this category and all below it."""
        return self.get_descendants(include_self=True)

    def _refresh_tree_columns(self) -> None:
        # Another process may have moved this category or its neighbours since the instance was read; what mptt remembers of
        # the old place must be what the database holds, or it would move the wrong interval.
        meta = self._mptt_meta
        columns = [meta.left_attr, meta.right_attr, meta.tree_id_attr, meta.level_attr]
        for instance in filter(None, (self, self.parent)):
            stored = Category.objects.filter(pk=instance.pk).values(*columns, "parent", "name").first()
            if stored is not None:
                instance._mptt_cached_fields.update(parent=stored.pop("parent"), name=stored.pop("name"))
                for column, value in stored.items():
                    setattr(instance, column, value)
