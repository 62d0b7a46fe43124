"""A host with two kinds of ads, each with its own categories, whose keys and names overlap; sections have two names."""

from django.db import models
from django.utils.translation import get_language


class Section(models.Model):
    name = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100, blank=True)

    def __str__(self) -> str:
        return self.name_en if self.name_en and (get_language() or "").startswith("en") else self.name


class Listing(models.Model):
    title = models.CharField(max_length=100)
    section = models.ForeignKey(Section, on_delete=models.CASCADE)
    language = models.CharField(max_length=5, default="es")

    def __str__(self) -> str:
        return self.title


class Trade(models.Model):
    label = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.label


class Job(models.Model):
    headline = models.CharField(max_length=100)
    trade = models.ForeignKey(Trade, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return self.headline
