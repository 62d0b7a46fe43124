"""What became of suggestions: counted by version of the model, without titles and without persons."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class SuggestionEvent(models.Model):
    """What a seller made of the suggestions that a form showed. Holds neither what was typed nor who typed it.

    One row a form that was saved, not one a keystroke: what is judged is where the ad ended up, and the lists that flicker by
    while a title is typed are not answers to it. Forms that showed no suggestion, and forms that were left, have no row.

    ``outcome`` says whether the ad was filed under a suggestion; ``handling`` whether it got there by the suggestion, since a
    seller who finds the same category on his own confirms it, and one who takes what is offered may merely be done with it.
    """

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", _("accepted")
        OVERRULED = "overruled", _("overruled")

    class Handling(models.TextChoices):
        UNKNOWN = "", _("unknown")
        TAKEN = "taken", _("taken as it was")
        CHANGED = "changed", _("taken, then changed")
        IGNORED = "ignored", _("not taken")

    # Not a foreign key: the figures outlive the version, whose row goes with its files.
    model_version = models.CharField(_("model version"), max_length=80)
    ad_id = models.CharField(_("ad"), max_length=100, blank=True, help_text=_("The marketplace's own key of the ad."))
    category = models.ForeignKey(
        "taxonomy.Category",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("category"),
        help_text=_("Where the ad was filed then; known of the form's own events."),
    )
    shown = models.PositiveSmallIntegerField(_("shown"), null=True, blank=True, help_text=_("How many were shown."))
    rank = models.PositiveSmallIntegerField(
        _("rank"), null=True, blank=True, help_text=_("Place of the suggestion the ad was filed under, the first is 1.")
    )
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices)
    taken_rank = models.PositiveSmallIntegerField(
        _("rank taken"), null=True, blank=True, help_text=_("Place of the suggestion that was taken last.")
    )
    handling = models.CharField(
        _("handling"), max_length=10, choices=Handling.choices, default=Handling.UNKNOWN, blank=True
    )
    from_form = models.BooleanField(
        _("from the form"), default=False, help_text=_("Recorded as the ad was saved, not told by a client of the API.")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("suggestion event")
        verbose_name_plural = _("suggestion events")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["model_version", "outcome"], name="ad_autocat_event_outcome")]

    def __str__(self) -> str:
        return f"{self.model_version} {self.outcome}"

    @classmethod
    def outcome_of(cls, rank: int | None) -> Outcome:
        """Return the outcome for the rank of the suggestion that an ad was filed under."""
        return cls.Outcome.OVERRULED if rank is None else cls.Outcome.ACCEPTED
