"""The review queue, and the record of what moderators decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ad_autocategorize.sources import CAR_FIELDS


class Settled(models.Model):
    """What the rows of the queues share: who decided, and when.

    ``version`` is the optimistic lock: whoever decides names the version he looked at, and every change raises it.
    """

    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("moderator"),
    )
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        abstract = True


class LabelIssue(Settled):
    """An ad that looks mislabelled; one row an ad, kept after the decision so that it is not asked about again."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        KEPT = "kept", _("kept")
        RELABELLED = "relabelled", _("relabelled")

    class Kind(models.TextChoices):
        ERROR = "error", _("wrong category")
        AMBIGUOUS = "ambiguous", _("ambiguous: two that are often confused")
        DEPTH = "depth", _("too high or too deep in its branch")
        PHOTO = "photo", _("the photo shows something else")

    ad_id = models.CharField(_("ad"), max_length=64, unique=True)
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.OPEN)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices, default=Kind.ERROR)
    given = models.ForeignKey(
        "taxonomy.Category", on_delete=models.CASCADE, related_name="+", verbose_name=_("given category")
    )
    suggested = models.ForeignKey(
        "taxonomy.Category", on_delete=models.CASCADE, related_name="+", verbose_name=_("suggested category")
    )
    branch = models.ForeignKey(
        "taxonomy.Category", on_delete=models.CASCADE, related_name="+", verbose_name=_("main category")
    )
    level = models.PositiveSmallIntegerField(
        _("level"), help_text=_("Where the two paths part: 1 is a wrong main category.")
    )
    priority = models.FloatField(_("priority"), help_text=_("How likely the label is wrong."))
    given_probability = models.FloatField(_("probability of the given category"))
    suggested_probability = models.FloatField(_("probability of the suggested category"))
    alternatives = models.JSONField(
        _("further categories"), default=list, blank=True, help_text=_("Pairs of a category's key and its probability.")
    )
    words = models.JSONField(
        _("words that decided"), default=list, blank=True, help_text=_("Pairs of a word and its weight.")
    )
    neighbors = models.JSONField(
        _("near-identical ads"), default=list, blank=True, help_text=_("Keys of ads with nearly the same title.")
    )
    agreement = models.FloatField(
        _("agreement of near-identical ads"), null=True, blank=True, help_text=_("Share filed as this one is.")
    )
    seller = models.CharField(_("seller"), max_length=150, blank=True)
    ad_date = models.DateTimeField(_("date of the ad"), null=True, blank=True)
    fingerprint = models.CharField(max_length=64, editable=False)
    model = models.CharField(_("model"), max_length=80)
    found_at = models.DateTimeField(_("found"))

    class Meta:
        verbose_name = _("ad to review")
        verbose_name_plural = _("ads to review")
        ordering = ["-priority", "pk"]
        permissions = [
            ("can_review", "Can review ads that look mislabelled"),
            ("can_bulk_relabel", "Can relabel many ads at once"),
        ]
        indexes = [
            models.Index(fields=["state", "-priority", "id"], name="label_issue_queue"),
            models.Index(fields=["state", "level", "-priority", "id"], name="label_issue_level"),
            models.Index(fields=["state", "branch", "-priority", "id"], name="label_issue_branch"),
            models.Index(fields=["state", "seller"], name="label_issue_seller"),
            models.Index(fields=["state", "ad_date"], name="label_issue_date"),
        ]

    def __str__(self) -> str:
        # The categories would cost two queries for each row of a list.
        return str(self.ad_id)

    @property
    def has_answer(self) -> bool:
        """Whether the suggestion may be taken as it is; a photo alone tells what an ad is not, and not where it belongs."""
        return self.kind != self.Kind.PHOTO or self.suggested_probability >= self.given_probability


class ImmutableRecordError(RuntimeError):
    """Somebody tried to change or delete a decision: it can only be answered by a further one."""


class DecisionQuerySet(models.QuerySet[Any]):
    """Decisions are added and read."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise ImmutableRecordError("Review decisions are not changed; record a further one.")

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ImmutableRecordError("Review decisions are not changed; record a further one.")

    def delete(self) -> NoReturn:
        raise ImmutableRecordError("Review decisions are not deleted.")


class Decision(models.Model):
    """What a moderator decided: who, when, and what a model had said. Never changed.

    Written in the transaction that changes the ad. Names are kept as text too, for the day when the account is gone.
    """

    ad_id = models.CharField(_("ad"), max_length=64, db_index=True)
    moderator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("moderator")
    )
    moderator_name = models.CharField(_("moderator's name"), max_length=150)
    created_at = models.DateTimeField(_("time"), auto_now_add=True, db_index=True)
    model = models.CharField(_("model"), max_length=80, blank=True)
    blind = models.BooleanField(
        _("blind"), default=False, help_text=_("The moderator decided without seeing the suggestion.")
    )
    batch = models.UUIDField(_("bulk action"), null=True, blank=True, db_index=True)
    undoes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="undone_by", verbose_name=_("undoes")
    )

    objects = DecisionQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["-created_at", "-pk"]
        # Nobody is given the right to change or delete one.
        default_permissions = ["view"]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; refuses to update."""
        if self.pk is not None:
            raise ImmutableRecordError("Review decisions are not changed; record a further one.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse."""
        raise ImmutableRecordError("Review decisions are not deleted.")

    @property
    def move(self) -> tuple[str, str]:
        """What the ad said before and says after, for a person."""
        raise NotImplementedError


class ReviewDecision(Decision):
    """A decision about an ad's category; paths are kept as text, for the day when the category is gone."""

    class Action(models.TextChoices):
        ACCEPTED = "accepted", _("suggestion accepted")
        CORRECTED = "corrected", _("another category chosen")
        KEPT = "kept", _("kept as it is")
        UNDONE = "undone", _("undone")

    issue = models.ForeignKey(
        LabelIssue, on_delete=models.SET_NULL, null=True, related_name="decisions", verbose_name=_("ad to review")
    )
    action = models.CharField(_("decision"), max_length=12, choices=Action.choices)
    from_category = models.ForeignKey(
        "taxonomy.Category", on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("from")
    )
    from_path = models.TextField(_("from path"))
    to_category = models.ForeignKey(
        "taxonomy.Category", on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("to")
    )
    to_path = models.TextField(_("to path"))
    suggested_category = models.ForeignKey(
        "taxonomy.Category", on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("suggested")
    )
    suggested_path = models.TextField(_("suggested path"))
    suggested_probability = models.FloatField(_("probability of the suggested category"), null=True)

    class Meta(Decision.Meta):
        verbose_name = _("review decision")
        verbose_name_plural = _("review decisions")

    def __str__(self) -> str:
        return f"{self.ad_id}: {self.get_action_display()}"

    @property
    def move(self) -> tuple[str, str]:
        """The paths from and to."""
        return self.from_path, self.to_path


class TaxonomyFinding(models.Model):
    """Something about the category tree itself that a search noticed; replaced by the next search."""

    class Kind(models.TextChoices):
        UNUSED = "unused", _("never used")
        RARE = "rare", _("hardly used")
        MERGE = "merge", _("confused with each other: merge?")
        SPLIT = "split", _("hidden groups: split?")
        OTHERS = "others", _("catch-all whose ads belong elsewhere")

    kind = models.CharField(_("finding"), max_length=12, choices=Kind.choices)
    category = models.ForeignKey(
        "taxonomy.Category", on_delete=models.CASCADE, related_name="+", verbose_name=_("category")
    )
    other = models.ForeignKey(
        "taxonomy.Category",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("other category"),
    )
    ads = models.PositiveIntegerField(_("ads"), help_text=_("At the category and below it."))
    weight = models.FloatField(_("weight"), help_text=_("How clear it is, within 0 to 1."))
    details = models.JSONField(_("numbers"), default=dict, blank=True)
    examples = models.JSONField(_("examples"), default=list, blank=True, help_text=_("Keys of ads."))
    found_at = models.DateTimeField(_("found"))

    class Meta:
        verbose_name = _("finding about the categories")
        verbose_name_plural = _("health of the categories")
        ordering = ["kind", "-weight", "-ads", "pk"]
        default_permissions = ["view"]

    def __str__(self) -> str:
        return self.get_kind_display()


class CarEvidence(models.TextChoices):
    """What a field of a car's ad contradicts."""

    CATALOG = "catalog", _("car catalog")
    PHOTO = "photo", _("photo")


class CarIssue(Settled):
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
