"""Trained models, as the database knows them; their files are in ``MODEL_DIR``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings
from django.db import models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ad_autocategorize.models.activation import Origin, Reason

if TYPE_CHECKING:
    from ad_autocategorize.models.activation import ModelActivation


class ModelVersion(models.Model):
    """One trained model. At most one of a kind is active for each source and language: the one that web processes serve."""

    class Kind(models.TextChoices):
        TITLES = "titles", _("titles")
        PHOTOS = "photos", _("car photos")

    class Status(models.TextChoices):
        CANDIDATE = "candidate", _("candidate")
        ACTIVE = "active", _("in service")
        RETIRED = "retired", _("retired")
        REFUSED = "refused", _("refused")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices, default=Kind.TITLES)
    source = models.CharField(_("kind of ads"), max_length=50, blank=True, default="")
    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    name = models.CharField(_("name"), max_length=80, unique=True, help_text=_("Also its folder in MODEL_DIR."))
    digest = models.CharField(_("SHA-256"), max_length=64)
    taxonomy_version = models.PositiveBigIntegerField(_("taxonomy version"))
    settings = models.JSONField(_("settings"), default=dict, blank=True)
    libraries = models.JSONField(_("libraries"), default=dict, blank=True)
    data_fingerprint = models.CharField(
        _("fingerprint of the ads"),
        max_length=64,
        blank=True,
        help_text=_("Equal where the same ads were learned from."),
    )
    ad_count = models.PositiveIntegerField(_("ads"))
    counts = models.JSONField(
        _("numbers of ads"), default=list, blank=True, help_text=_("By main category, or by car field and brand.")
    )
    metrics = models.JSONField(_("hold-out results"), default=dict, blank=True)
    parent = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="challengers",
        verbose_name=_("champion at the time"),
    )
    verdict = models.JSONField(_("comparison with the champion"), default=dict, blank=True)
    is_refused = models.BooleanField(_("refused"), default=False)
    forced = models.BooleanField(_("forced"), default=False, help_text=_("Promoted although the comparison said no."))
    origin = models.CharField(_("started from"), max_length=10, choices=Origin.choices, default=Origin.COMMAND)
    started_by = models.ForeignKey(
        django_settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("started by"),
    )
    log = models.TextField(_("log"), blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    activated_at = models.DateTimeField(_("activated"), null=True, blank=True)
    is_active = models.BooleanField(_("active"), default=False)
    # Worked out by the database, so that it cannot contradict the three columns it comes from.
    status = models.GeneratedField(
        expression=models.Case(
            models.When(is_active=True, then=models.Value("active")),
            models.When(activated_at__isnull=False, then=models.Value("retired")),
            models.When(is_refused=True, then=models.Value("refused")),
            default=models.Value("candidate"),
        ),
        output_field=models.CharField(max_length=10),
        db_persist=True,
        choices=Status.choices,
        verbose_name=_("status"),
    )

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        # Not by a clock, which may be set back.
        ordering = ["-pk"]
        # Versions come from training, and go by pruning.
        default_permissions = ["view"]
        permissions = [("activate_modelversion", "Can put a model version into service")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "source", "language"],
                condition=models.Q(is_active=True),
                name="ad_autocategorize_one_active",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def slot(self) -> dict[str, str]:
        """Where the version may serve: kind, source and language, as a filter. One version is active in each."""
        return {"kind": self.kind, "source": self.source, "language": self.language}

    def activate(
        self, reason: str = Reason.CHOSEN, *, origin: str = Origin.COMMAND, by: Any = None, note: str = ""
    ) -> ModelActivation:
        """Make this the version that is served, and add that to the history, in one transaction.

        Parameters
        ----------
        reason : one of ``Reason``.
        origin : one of ``Origin``: where the wish came from.
        by : the user whose wish it was, where one is known.
        note : what that user says about it.
        """
        with transaction.atomic(using=router.db_for_write(ModelVersion)):
            versions = ModelVersion.objects.filter(**self.slot)
            # Locks the versions that may serve here, so that of two activations at once one waits for the other.
            list(versions.select_for_update().values_list("pk"))
            versions.filter(is_active=True).exclude(pk=self.pk).update(is_active=False)
            self.is_active = True
            self.activated_at = timezone.now()
            self.save(update_fields=["is_active", "activated_at"])
            self.refresh_from_db(fields=["status"])
            return self.activations.create(
                **self.slot, name=self.name, at=self.activated_at, reason=reason, origin=origin, by=by, note=note
            )
