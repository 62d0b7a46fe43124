"""What became of a suggestion: counted by version of the model, without titles and without persons."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class SuggestionEvent(models.Model):
    """A suggestion that was taken or passed over. Holds neither what was typed nor who typed it."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", _("accepted")
        OVERRULED = "overruled", _("overruled")

    # Not a foreign key: the figures outlive the version, whose row goes with its files.
    model_version = models.CharField(_("model version"), max_length=80)
    ad_id = models.CharField(_("ad"), max_length=100, blank=True, help_text=_("The marketplace's own key of the ad."))
    rank = models.PositiveSmallIntegerField(
        _("rank"), null=True, blank=True, help_text=_("Place of the suggestion taken, the first is 1.")
    )
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("suggestion event")
        verbose_name_plural = _("suggestion events")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["model_version", "outcome"], name="ad_autocat_event_outcome")]

    def __str__(self) -> str:
        return f"{self.model_version} {self.outcome}"
