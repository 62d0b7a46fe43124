"""What became of suggestions: counted by version of the model, without titles and without persons."""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from ad_autocategorize.sources.cars import FIELDS


class Event(models.Model):
    """What is known of every event: which version answered, for which ad, who told, and when."""

    # Not a foreign key: the figures outlive the version, whose row goes with its files.
    model_version = models.CharField(_("model version"), max_length=80)
    ad_id = models.CharField(_("ad"), max_length=100, blank=True, help_text=_("The marketplace's own key of the ad."))
    source = models.CharField(_("kind of ads"), max_length=50, blank=True, default="")
    from_form = models.BooleanField(
        _("from the form"), default=False, help_text=_("Recorded as the ad was saved, not told by a client of the API.")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["-pk"]


class SuggestionEvent(Event):
    """What a seller made of the suggestions that a form showed. Holds neither what was typed nor who typed it.

    One row per saved form, not one per keystroke: what is judged is where the ad ended up, and nobody answers the lists that
    flicker by while a title is typed. Forms that showed no suggestion, and forms that were left, have no row.

    ``outcome`` says whether the ad was filed under a suggestion; ``handling`` whether it got there by the suggestion, since a
    seller who finds the same category on his own confirms it, and one who takes what is offered may merely be done with it.
    An ad that is edited and stays where it was says nothing about the suggestions, even if its new title brought up some.
    """

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", _("accepted")
        OVERRULED = "overruled", _("overruled")

    class Handling(models.TextChoices):
        UNKNOWN = "", _("unknown")
        TAKEN = "taken", _("taken as it was")
        CHANGED = "changed", _("taken, then changed")
        IGNORED = "ignored", _("not taken")
        HELD = "held", _("the ad had its category before")

    category = models.ForeignKey(
        "ad_taxonomy.Category",
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

    class Meta(Event.Meta):
        verbose_name = _("suggestion event")
        verbose_name_plural = _("suggestion events")
        indexes = [models.Index(fields=["model_version", "outcome"], name="ad_autocat_event_outcome")]

    def __str__(self) -> str:
        return f"{self.model_version} {self.outcome}"

    @classmethod
    def outcome_of(cls, rank: int | None) -> Outcome:
        """Return the outcome for the rank of the suggestion that an ad was filed under."""
        return cls.Outcome.OVERRULED if rank is None else cls.Outcome.ACCEPTED


class FieldState(StrEnum):
    """How a car field stood once the photo had been read.

    ``FILLED`` in from it; ``STATED`` by the seller, in this form; ``HELD`` by the ad before the form was opened, and unchanged
    since; still ``EMPTY``.
    """

    FILLED = "filled"
    STATED = "stated"
    HELD = "held"
    EMPTY = "empty"


class CarFieldEvent(Event):
    """What became of the photo network's answer for one car field. Holds neither values nor persons.

    There is one row for each field that the network answered in a form that was saved.

    The seller sees the answer only if the form filled it in. A value that was filled in and kept is therefore weak evidence:
    the seller may not have checked it (an echo). If the form filled nothing in, a seller who states the first value confirms
    the network independently. The field ``car_model`` is an exception: once a brand is chosen, the form lists its car models
    in the order of the answer. A value that the ad had before confirms nothing, since an earlier photo may have filled it in.
    """

    class Handling(models.TextChoices):
        KEPT = "kept", _("filled in, left as it was")
        CHANGED = "changed", _("filled in, then changed")
        STATED = "stated", _("not filled in: the seller had stated it")
        HELD = "held", _("not filled in: the ad had it before")
        UNSURE = "unsure", _("not filled in: not sure enough")
        UNFIT = "unfit", _("not filled in: could not stand there")

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", _("accepted")
        OVERRULED = "overruled", _("overruled")
        EMPTY = "empty", _("left empty")

    field = models.CharField(
        _("field"), max_length=10, choices=[(field.name, capfirst(field.label)) for field in FIELDS]
    )
    answered = models.PositiveSmallIntegerField(
        _("answered"), help_text=_("How many values the photo model had for the field.")
    )
    sure = models.BooleanField(_("sure"), help_text=_("Whether the first value was sure enough to be filled in."))
    rank = models.PositiveSmallIntegerField(
        _("rank"), null=True, blank=True, help_text=_("Place of the value the ad was saved with, the first is 1.")
    )
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices)
    handling = models.CharField(_("handling"), max_length=10, choices=Handling.choices)

    class Meta(Event.Meta):
        verbose_name = _("car field event")
        verbose_name_plural = _("car field events")
        indexes = [
            # All that the figures read, in the order that they are grouped by.
            models.Index(
                fields=["model_version", "field", "from_form", "handling", "outcome", "rank", "sure"],
                name="ad_autocat_car_event_figures",
            )
        ]

    def __str__(self) -> str:
        return f"{self.model_version} {self.field} {self.handling}"

    @classmethod
    def outcome_of(cls, rank: int | None, *, empty: bool) -> Outcome:
        """Return the outcome for the rank of the value that the ad was saved with, or for none of the values answered."""
        if rank is not None:
            return cls.Outcome.ACCEPTED
        return cls.Outcome.EMPTY if empty else cls.Outcome.OVERRULED

    @classmethod
    def handling_of(cls, state: FieldState, rank: int | None, *, sure: bool) -> Handling:
        """Return what was done, from how the field stood once the photo had been read, and what the ad was saved with."""
        match state:
            case FieldState.FILLED:
                return cls.Handling.KEPT if rank == 1 else cls.Handling.CHANGED
            case FieldState.STATED:
                return cls.Handling.STATED
            case FieldState.HELD:
                return cls.Handling.HELD
        return cls.Handling.UNFIT if sure else cls.Handling.UNSURE
