"""A host whose ads keep their car in a record of its own: plain texts and numbers, and tables of its own for the rest."""

from django.core.validators import MinValueValidator
from django.db import models


class Maker(models.Model):
    name = models.CharField(max_length=40, unique=True)

    def __str__(self) -> str:
        return self.name


class Make(models.Model):
    """A model of a maker; two makers may give theirs the same name."""

    brand = models.ForeignKey(Maker, on_delete=models.CASCADE)
    name = models.CharField(max_length=40)

    def __str__(self) -> str:
        return self.name


class Shape(models.Model):
    label = models.CharField(max_length=40, unique=True)
    doors = models.IntegerField(default=4)

    def __str__(self) -> str:
        return self.label


class Rubric(models.Model):
    name = models.CharField(max_length=40)

    def __str__(self) -> str:
        return self.name


class Notice(models.Model):
    heading = models.CharField(max_length=100)
    rubric = models.ForeignKey(Rubric, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return self.heading


class Vehicle(models.Model):
    notice = models.OneToOneField(Notice, on_delete=models.CASCADE, related_name="vehicle")
    maker = models.ForeignKey(Maker, null=True, on_delete=models.CASCADE)
    make = models.ForeignKey(Make, null=True, on_delete=models.CASCADE)
    shape = models.ForeignKey(Shape, null=True, on_delete=models.CASCADE)
    paint = models.CharField(max_length=10, blank=True)
    built = models.IntegerField(null=True, validators=[MinValueValidator(1900)])

    def __str__(self) -> str:
        return f"{self.maker} {self.make}"
