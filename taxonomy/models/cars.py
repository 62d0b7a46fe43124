"""The car catalog: which models a brand makes, in which bodies and years."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _


class NamedModel(models.Model):
    """A unique name, ordered by it."""

    name = models.CharField(_("name"), max_length=100, unique=True)

    class Meta:
        abstract = True
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Brand(NamedModel):
    """A maker of cars."""

    class Meta(NamedModel.Meta):
        verbose_name = _("brand")
        verbose_name_plural = _("brands")


class BodyType(NamedModel):
    """A shape of car, such as sedan or pick-up."""

    class Meta(NamedModel.Meta):
        verbose_name = _("body type")
        verbose_name_plural = _("body types")


class Color(NamedModel):
    """A color of paint."""

    class Meta(NamedModel.Meta):
        verbose_name = _("color")
        verbose_name_plural = _("colors")


class CarModel(models.Model):
    """A model of a brand; the pair is unique, and years are the production years where known."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="car_models", verbose_name=_("brand"))
    name = models.CharField(_("name"), max_length=100)
    first_year = models.PositiveSmallIntegerField(_("first year"), null=True, blank=True)
    last_year = models.PositiveSmallIntegerField(_("last year"), null=True, blank=True)
    # What the last import wrote: years that differ were set by hand, and imports leave them alone.
    imported_first_year = models.PositiveSmallIntegerField(null=True, editable=False)
    imported_last_year = models.PositiveSmallIntegerField(null=True, editable=False)
    body_types = models.ManyToManyField(BodyType, blank=True, related_name="car_models", verbose_name=_("body types"))

    class Meta:
        verbose_name = _("car model")
        verbose_name_plural = _("car models")
        ordering = ["brand__name", "name"]
        constraints = [
            models.UniqueConstraint(fields=["brand", "name"], name="ad_taxonomy_brand_model"),
            models.CheckConstraint(
                condition=models.Q(first_year=None)
                | models.Q(last_year=None)
                | models.Q(first_year__lte=models.F("last_year")),
                name="ad_taxonomy_model_years",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand} {self.name}"

    def clean(self) -> None:
        """Refuse a production that ended before it began."""
        if self.first_year and self.last_year and self.first_year > self.last_year:
            raise ValidationError({"last_year": _("The last year comes before the first.")})
