"""The host that the README speaks of: its snippets are run on it."""

from __future__ import annotations

from django.db import models


class Section(models.Model):
    label = models.CharField(max_length=100)
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return self.label

    def ancestors_and_self(self) -> list[Section]:
        above = self.parent.ancestors_and_self() if self.parent else []
        return [*above, self]


class Listing(models.Model):
    headline = models.CharField(max_length=100)
    section = models.ForeignKey(Section, on_delete=models.CASCADE)
    state = models.CharField(max_length=10, default="live")
    listed_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.headline
