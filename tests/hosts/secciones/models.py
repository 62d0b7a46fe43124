"""A host with two plain tables, whose keys overlap; an ad is filed at a group, or at a section alone."""

from django.db import models


class Section(models.Model):
    label = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.label


class Group(models.Model):
    label = models.CharField(max_length=100)
    section = models.ForeignKey(Section, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return self.label


class Product(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Listing(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    section = models.ForeignKey(Section, on_delete=models.CASCADE)
    group = models.ForeignKey(Group, null=True, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return str(self.product)
