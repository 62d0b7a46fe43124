"""Trained models, as the database knows them; their files are in ``MODEL_DIR``."""

from __future__ import annotations

from django.db import models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ModelVersion(models.Model):
    """One trained model. At most one of a kind is active for each source and language: the one that web processes serve."""

    class Kind(models.TextChoices):
        TITLES = "titles", _("titles")
        PHOTOS = "photos", _("car photos")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices, default=Kind.TITLES)
    source = models.CharField(_("kind of ads"), max_length=50, blank=True, default="")
    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    name = models.CharField(_("name"), max_length=80, unique=True, help_text=_("Also its folder in MODEL_DIR."))
    digest = models.CharField(_("SHA-256"), max_length=64)
    taxonomy_version = models.PositiveBigIntegerField(_("taxonomy version"))
    ad_count = models.PositiveIntegerField(_("ads"))
    metrics = models.JSONField(_("hold-out results"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    activated_at = models.DateTimeField(_("activated"), null=True, blank=True)
    is_active = models.BooleanField(_("active"), default=False)

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "source", "language"],
                condition=models.Q(is_active=True),
                name="ad_autocategorize_one_active",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def activate(self) -> None:
        """Make this the version that is served, in one transaction."""
        with transaction.atomic(using=router.db_for_write(ModelVersion)):
            versions = ModelVersion.objects.filter(kind=self.kind, source=self.source, language=self.language)
            # Locks the rows of the kind, so that two activations follow one another.
            list(versions.select_for_update().values_list("pk"))
            versions.filter(is_active=True).exclude(pk=self.pk).update(is_active=False)
            self.is_active = True
            self.activated_at = timezone.now()
            self.save(update_fields=["is_active", "activated_at"])
