"""Ads of a small classified-ad site: what an adopter's models look like."""

from __future__ import annotations

import hashlib
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.search import MAX_WORDS, FoldedField, fold
from taxonomy.models import BodyType, Brand, CarModel, Category, Color

# The fields of an ad that buyers do not see, or that say the same as another.
UNSEEN = frozenset(["folded_title", "status", "import_id"])


class AdQuerySet(QuerySet["Ad"]):
    """Ads by what visitors may see and look for."""

    def published(self) -> AdQuerySet:
        """Ads that a moderator has let through."""
        return self.filter(status=Ad.Status.PUBLISHED)

    def search(self, text: str) -> AdQuerySet:
        """Ads with every word of ``text`` in their title."""
        ads = self
        for word in fold(text).split()[:MAX_WORDS]:
            ads = ads.filter(folded_title__contains=word)
        return ads

    def for_cards(self) -> AdQuerySet:
        """The ads with what a card shows of them."""
        return self.select_related("category").prefetch_related("photos")


class Ad(models.Model):
    """An offer; it waits as pending until a moderator publishes it."""

    class Status(models.TextChoices):
        PENDING = "pending", gettext_lazy("pending")
        PUBLISHED = "published", gettext_lazy("published")
        REJECTED = "rejected", gettext_lazy("rejected")

    class Currency(models.TextChoices):
        ARS = "ARS", "$"
        USD = "USD", "US$"

    class Payment(models.TextChoices):
        AGREE = "agree", gettext_lazy("to be agreed")
        CASH = "cash", gettext_lazy("cash")
        TRANSFER = "transfer", gettext_lazy("bank transfer")
        CARD = "card", gettext_lazy("card")

    seller = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="ads", verbose_name=gettext_lazy("seller")
    )
    title = models.CharField(gettext_lazy("title"), max_length=120)
    folded_title = FoldedField(source="title")
    category = models.ForeignKey(
        Category, on_delete=models.PROTECT, related_name="ads", verbose_name=gettext_lazy("category")
    )
    description = models.TextField(gettext_lazy("description"), max_length=5000, blank=True)
    price = models.DecimalField(
        gettext_lazy("price"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text=gettext_lazy("Leave it empty and buyers will ask."),
    )
    currency = models.CharField(gettext_lazy("currency"), max_length=3, choices=Currency.choices, default=Currency.ARS)
    payment = models.CharField(gettext_lazy("payment"), max_length=10, choices=Payment.choices, default=Payment.AGREE)
    brand = models.ForeignKey(
        Brand, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=gettext_lazy("brand")
    )
    car_model = models.ForeignKey(
        CarModel, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=gettext_lazy("model")
    )
    body_type = models.ForeignKey(
        BodyType, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=gettext_lazy("body type")
    )
    color = models.ForeignKey(
        Color, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=gettext_lazy("color")
    )
    year = models.PositiveSmallIntegerField(
        gettext_lazy("year"), null=True, blank=True, validators=[MinValueValidator(1900)]
    )
    status = models.CharField(gettext_lazy("status"), max_length=10, choices=Status.choices, default=Status.PENDING)
    created_at = models.DateTimeField(gettext_lazy("date"), default=timezone.now)
    import_id = models.CharField(max_length=100, null=True, blank=True, editable=False)  # noqa: DJ001 - unique where set

    objects = AdQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("ad")
        verbose_name_plural = gettext_lazy("ads")
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["status", "-created_at", "-id"], name="marketplace_status_date")]
        constraints = [models.UniqueConstraint(fields=["seller", "import_id"], name="marketplace_import_id")]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("ad-detail", args=[self.pk])

    def fingerprint(self) -> str:
        """Return a digest of all that buyers would see, the photos' names included: what a moderator lets through."""
        shown = [str(getattr(self, field.attname)) for field in self._meta.concrete_fields if field.name not in UNSEEN]
        text = "\x00".join([*shown, *(str(photo.image.name) for photo in self.photos.all())])
        return hashlib.sha256(text.encode()).hexdigest()

    def clean(self) -> None:
        """Take the brand from the model where it is missing, and refuse a car that nobody ever made."""
        if self.year and self.year > timezone.now().year + 1:
            raise ValidationError({"year": _("This year is yet to come.")})
        if self.car_model is None:
            return
        self.brand = self.brand or self.car_model.brand
        if self.car_model.brand_id != self.brand.pk:
            raise ValidationError({"car_model": _("%(brand)s makes no such model.") % {"brand": self.brand}})


class AdPhoto(models.Model):
    """A photo of an ad, stored re-encoded (see ``photos``)."""

    ad = models.ForeignKey(Ad, on_delete=models.CASCADE, related_name="photos")
    image = models.ImageField(gettext_lazy("photo"), upload_to="ads/%Y/%m/")

    class Meta:
        verbose_name = gettext_lazy("photo")
        verbose_name_plural = gettext_lazy("photos")
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.ad} {self.pk}"
