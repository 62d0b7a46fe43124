"""Which model version served when: a history that is added to and never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ad_autocategorize.models.decisions import ImmutableRecordError


class Origin(models.TextChoices):
    """Where a training or an activation was started."""

    USER = "user", _("the admin")
    COMMAND = "command", _("the command line")
    TASK = "task", _("a task")


class Reason(models.TextChoices):
    """Why a version was put into service."""

    FIRST = "first", _("first version")
    PROMOTED = "promoted", _("promoted: not worse than the version before")
    FORCED = "forced", _("promoted by force")
    CHOSEN = "chosen", _("chosen by hand")
    ROLLBACK = "rollback", _("rolled back")


class ActivationQuerySet(models.QuerySet["ModelActivation"]):
    """Activations are added and read."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise ImmutableRecordError("The history of activations is not changed.")

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ImmutableRecordError("The history of activations is not changed.")

    def delete(self) -> NoReturn:
        raise ImmutableRecordError("The history of activations is not deleted.")

    def of(self, kind: str, source: str = "", language: str = "") -> ActivationQuerySet:
        """Return the activations of one kind, source and language, the newest first."""
        return self.filter(kind=kind, source=source, language=language)

    def serving_at(self, moment: datetime) -> ModelActivation | None:
        """Return the activation that was the newest at a moment: its version answered then. ``None`` before the first."""
        return self.filter(at__lte=moment).first()


class ModelActivation(models.Model):
    """A version was put into service.

    It served until the next activation of its kind, source and language. The name stays as text when the version is pruned.
    """

    version = models.ForeignKey(
        "ad_autocategorize.ModelVersion",
        on_delete=models.SET_NULL,
        null=True,
        related_name="activations",
        verbose_name=_("model version"),
    )
    kind = models.CharField(_("kind"), max_length=20)
    source = models.CharField(_("kind of ads"), max_length=50, blank=True, default="")
    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    name = models.CharField(_("name"), max_length=80)
    at = models.DateTimeField(_("time"))
    reason = models.CharField(_("reason"), max_length=10, choices=Reason.choices)
    origin = models.CharField(_("started from"), max_length=10, choices=Origin.choices)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("user")
    )
    note = models.CharField(_("note"), max_length=200, blank=True)

    objects = ActivationQuerySet.as_manager()

    class Meta:
        verbose_name = _("activation of a model version")
        verbose_name_plural = _("activations of model versions")
        # Not by a clock, which may be set back.
        ordering = ["-pk"]
        # Nobody is given the right to change or delete one.
        default_permissions = ["view"]
        indexes = [models.Index(fields=["kind", "source", "language", "at"], name="ad_autocat_activation_slot")]

    def __str__(self) -> str:
        return f"{self.name} {self.at:%Y-%m-%d %H:%M}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; refuses to update."""
        if self.pk is not None:
            raise ImmutableRecordError("The history of activations is not changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise ImmutableRecordError("The history of activations is not deleted.")
