"""A host whose ads and categories live in a database of their own; deleted ads are kept and hidden."""

from django.db import models


class Shelf(models.Model):
    code = models.SlugField(unique=True)
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Kept(models.Manager):
    def get_queryset(self):  # type: ignore[no-untyped-def]
        return super().get_queryset().filter(deleted=False)


class Thing(models.Model):
    title = models.CharField(max_length=100)
    shelf = models.ForeignKey(Shelf, on_delete=models.CASCADE, to_field="code")
    maker = models.CharField(max_length=100, blank=True)
    deleted = models.BooleanField(default=False)

    objects = Kept()

    def __str__(self) -> str:
        return self.title
