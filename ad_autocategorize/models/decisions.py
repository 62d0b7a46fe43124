"""What the review queues have in common: who decided a review item, and the record of each decision."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

# The state of review items that nobody has decided about, in every queue.
OPEN = "open"


class ReviewItem(models.Model):
    """A row of a review queue: an ad in doubt, until and after a moderator decides.

    ``version`` is the optimistic lock: a decision names the version that the moderator looked at, and every change raises it.
    Subclasses add ``ad_id``, ``state`` with its choices in ``State``, and ``decisions``.
    """

    State: ClassVar[Any]
    ad_id: Any
    state: Any
    decisions: Any

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
    # The ad's title when it was found, as it is searched: without case and accents.
    folded_title = models.TextField(blank=True, default="", editable=False)

    class Meta:
        abstract = True


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

    Written in the transaction that changes the ad. The name is kept as text too, and goes when the account does: see
    ``moderation.forgetting``.
    """

    ad_id = models.CharField(_("ad"), max_length=64, db_index=True)
    source = models.CharField(_("kind of ads"), max_length=50, blank=True, default="")
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
