"""Ads of a small classified-ad site: what an adopter's models look like."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from taxonomy.models import BodyType, Brand, CarModel, Category, Color


class AdQuerySet(QuerySet["Ad"]):
    """Ads by what visitors may see."""

    def published(self) -> AdQuerySet:
        """Ads that a moderator has let through, the newest first."""
        return self.filter(status=Ad.Status.PUBLISHED).order_by("-created_at", "-pk")


class Ad(models.Model):
    """An offer; it waits as pending until a moderator publishes it."""

    class Status(models.TextChoices):
        PENDING = "pending", _("waiting for a moderator")
        PUBLISHED = "published", _("published")
        REJECTED = "rejected", _("rejected")

    class Currency(models.TextChoices):
        ARS = "ARS", "$"
        USD = "USD", "US$"

    class Payment(models.TextChoices):
        CASH = "cash", _("cash")
        TRANSFER = "transfer", _("bank transfer")
        CARD = "card", _("card")
        AGREE = "agree", _("to be agreed")

    seller = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="ads")
    title = models.CharField(_("title"), max_length=120)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="ads", verbose_name=_("category"))
    description = models.TextField(_("description"), max_length=5000, blank=True)
    price = models.DecimalField(
        _("price"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("Leave it empty to be asked."),
    )
    currency = models.CharField(_("currency"), max_length=3, choices=Currency.choices, default=Currency.ARS)
    payment = models.CharField(_("payment"), max_length=10, choices=Payment.choices, default=Payment.AGREE)
    brand = models.ForeignKey(Brand, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=_("brand"))
    car_model = models.ForeignKey(CarModel, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=_("model"))
    body_type = models.ForeignKey(
        BodyType, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=_("body type")
    )
    color = models.ForeignKey(Color, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=_("color"))
    year = models.PositiveSmallIntegerField(
        _("year"), null=True, blank=True, validators=[MinValueValidator(1900), MaxValueValidator(2100)]
    )
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.PENDING)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    import_id = models.CharField(max_length=100, null=True, blank=True, unique=True, editable=False)

    objects = AdQuerySet.as_manager()

    class Meta:
        verbose_name = _("ad")
        verbose_name_plural = _("ads")
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["status", "-created_at"])]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("ad-detail", args=[self.pk])


class AdPhoto(models.Model):
    """A photo of an ad, stored re-encoded (see ``photos``)."""

    ad = models.ForeignKey(Ad, on_delete=models.CASCADE, related_name="photos")
    image = models.ImageField(_("photo"), upload_to="ads/%Y/%m/")

    class Meta:
        verbose_name = _("photo")
        verbose_name_plural = _("photos")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.ad} {self.pk}"
