"""Car fields that contradict the car catalog or the photo, and what moderators decided about them."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import models
from django.utils.translation import gettext_lazy as _

from ad_autocategorize.models.decisions import Decision, ReviewItem
from ad_autocategorize.sources.cars import CAR_FIELDS


class CarEvidence(models.TextChoices):
    """What a field of a car's ad contradicts."""

    CATALOG = "catalog", _("car catalog")
    PHOTO = "photo", _("photo")


class CarIssue(ReviewItem):
    """A field of a car's ad that contradicts the car catalog or the photo; settled ones are kept and not asked about again.

    ``car`` is what the ad said of the car when the contradiction was found, by field of ``AdSource``; ``suggested`` is what
    accepting writes, and empty where several values are possible. A brand or a model may have to change along with the other.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        KEPT = "kept", _("kept")
        CORRECTED = "corrected", _("corrected")

    Evidence = CarEvidence

    ad_id = models.CharField(_("ad"), max_length=64)
    field = models.CharField(_("field"), max_length=20)
    evidence = models.CharField(_("contradicted by"), max_length=12, choices=CarEvidence.choices)
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.OPEN)
    stated = models.CharField(_("stated"), max_length=200)
    expected = models.CharField(_("expected"), max_length=500)
    car = models.JSONField(_("car"), default=dict, blank=True)
    suggested = models.JSONField(_("suggested"), default=dict, blank=True)
    probability = models.FloatField(_("probability"), null=True, blank=True)
    seller = models.CharField(_("seller"), max_length=150, blank=True)
    fingerprint = models.CharField(max_length=64, editable=False)
    model = models.CharField(_("model"), max_length=80, blank=True)
    found_at = models.DateTimeField(_("found"))

    class Meta:
        verbose_name = _("car field to review")
        verbose_name_plural = _("car fields to review")
        ordering = ["pk"]
        default_permissions = ["view"]
        constraints = [models.UniqueConstraint(fields=["ad_id", "field", "evidence"], name="car_issue_one_a_field")]
        indexes = [models.Index(fields=["state", "field", "id"], name="car_issue_queue")]

    def __str__(self) -> str:
        return f"{self.ad_id} {self.field}"


class CarDecision(Decision):
    """A decision about a car's field; ``before`` and ``after`` hold the texts of all fields that it changed."""

    class Action(models.TextChoices):
        ACCEPTED = "accepted", _("suggestion accepted")
        CORRECTED = "corrected", _("another value chosen")
        KEPT = "kept", _("kept as it is")
        UNDONE = "undone", _("undone")

    issue = models.ForeignKey(
        CarIssue, on_delete=models.SET_NULL, null=True, related_name="decisions", verbose_name=_("car field to review")
    )
    action = models.CharField(_("decision"), max_length=12, choices=Action.choices)
    field = models.CharField(_("field"), max_length=20)
    evidence = models.CharField(_("contradicted by"), max_length=12, choices=CarEvidence.choices)
    before = models.JSONField(_("from"))
    after = models.JSONField(_("to"))
    expected = models.CharField(_("expected"), max_length=500)
    probability = models.FloatField(_("probability"), null=True)

    class Meta(Decision.Meta):
        verbose_name = _("decision about a car field")
        verbose_name_plural = _("decisions about car fields")

    def __str__(self) -> str:
        return f"{self.ad_id} {self.field}: {self.get_action_display()}"

    @property
    def move(self) -> tuple[str, str]:
        """The values from and to."""
        return car_text(self.before), car_text(self.after)


def car_text(values: Mapping[str, str]) -> str:
    """Return the values of car fields for a person, in the order of ``CAR_FIELDS``."""
    return " ".join(values[name] for name in CAR_FIELDS if values.get(name))
