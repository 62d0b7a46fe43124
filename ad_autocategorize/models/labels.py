"""Ads that look mislabelled, and what moderators decided about them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ad_autocategorize.models.decisions import Decision, ReviewItem


class LabelIssue(ReviewItem):
    """An ad that looks mislabelled; one row per ad, kept after the decision so that it is not asked about again."""

    # What each of the opinions begins with.
    PHOTOS, TITLE = "photos", "title"

    class State(models.TextChoices):
        OPEN = "open", _("open")
        KEPT = "kept", _("kept")
        RELABELLED = "relabelled", _("relabelled")

    class Kind(models.TextChoices):
        ERROR = "error", _("wrong category")
        AMBIGUOUS = "ambiguous", _("ambiguous: two that are often confused")
        DEPTH = "depth", _("too high or too deep in its branch")
        PHOTO = "photo", _("the photo shows something else")

    ad_id = models.CharField(_("ad"), max_length=64)
    source = models.CharField(_("kind of ads"), max_length=50, blank=True, default="")
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.OPEN)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices, default=Kind.ERROR)
    given = models.ForeignKey(
        "ad_taxonomy.Category", on_delete=models.CASCADE, related_name="+", verbose_name=_("given category")
    )
    suggested = models.ForeignKey(
        "ad_taxonomy.Category", on_delete=models.CASCADE, related_name="+", verbose_name=_("suggested category")
    )
    branch = models.ForeignKey(
        "ad_taxonomy.Category", on_delete=models.CASCADE, related_name="+", verbose_name=_("main category")
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
    opinions = models.JSONField(
        _("what photos and title say"),
        default=list,
        blank=True,
        help_text=_("Which of the two, a category's key and its probability; empty where no photo was heard."),
    )
    same_photos = models.JSONField(
        _("ads with the same photo"),
        default=list,
        blank=True,
        help_text=_("Keys of ads filed elsewhere with nearly the same photo."),
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
        constraints = [models.UniqueConstraint(fields=["ad_id", "source"], name="label_issue_one_an_ad")]
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


class Moderation(LabelIssue):
    """No table of its own: the entry under which the admin lists the moderators' first page."""

    class Meta:
        proxy = True
        verbose_name = _("moderation")
        verbose_name_plural = _("moderation: start here")
        default_permissions = ()


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
        "ad_taxonomy.Category", on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("from")
    )
    from_path = models.TextField(_("from path"))
    to_category = models.ForeignKey(
        "ad_taxonomy.Category", on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("to")
    )
    to_path = models.TextField(_("to path"))
    suggested_category = models.ForeignKey(
        "ad_taxonomy.Category", on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("suggested")
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
