"""What all decisions of moderators share: the ad is locked, the version is compared, who decided is written down."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, TypeVar

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.translation import gettext as _

from ad_autocategorize.moderation.models import CarIssue, Decision, LabelIssue
from ad_autocategorize.sources import AdSource

Issue = LabelIssue | CarIssue
Decided = TypeVar("Decided", bound=Decision)


class ReviewConflict(RuntimeError):
    """The ad or the issue is no longer as the moderator saw it; the message says, for a person, what happened."""


class ChoiceRefused(ReviewConflict):
    """What the moderator chose cannot be, or he chose nothing; the message says what can, and the question stays."""


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who decides, and how: ``blind`` without having seen the suggestion, ``batch`` as one of many."""

    user: AbstractBaseUser
    blind: bool = False
    batch: uuid.UUID | None = None


def lock_ad(source: AdSource, ad_id: str) -> Any:
    """Return the ad, locked until the transaction ends. Raises ``ReviewConflict`` where it is gone."""
    # The lock makes a seller's or another moderator's change wait, where the database has row locks.
    ad = source.ad_model()._default_manager.select_for_update().filter(pk=ad_id).first()
    if ad is None:
        raise ReviewConflict(_("The ad no longer exists."))
    return ad


def advance(issue: Issue, state: str, user: AbstractBaseUser | None, **changes: Any) -> None:
    """Change the issue if nobody did since its version was read; the optimistic lock. Raises ``ReviewConflict``."""
    found = type(issue)._default_manager.filter(pk=issue.pk, version=issue.version)
    if state != issue.State.OPEN:
        found = found.filter(state=issue.State.OPEN)
    decided_at = timezone.now() if user else None
    changes |= {"state": state, "decided_by": user, "decided_at": decided_at, "version": issue.version + 1}
    if not found.update(**changes):
        raise ReviewConflict(_conflict_text(issue))
    for name, value in changes.items():
        setattr(issue, name, value)


def sign(decision: Decided, reviewer: Reviewer) -> Decided:
    """Write the decision down as the reviewer's."""
    decision.moderator_id = reviewer.user.pk
    decision.moderator_name = reviewer.user.get_username()
    decision.blind = reviewer.blind
    decision.batch = reviewer.batch
    decision.save()
    return decision


def log(ad: Any, reviewer: Reviewer, message: str) -> None:
    """Add an entry to Django's admin log."""
    LogEntry.objects.log_actions(reviewer.user.pk, [ad], CHANGE, change_message=message, single_object=True)


def _conflict_text(issue: Issue) -> str:
    current = type(issue)._default_manager.filter(pk=issue.pk).select_related("decided_by").first()
    if current is None:
        return _("This entry has left the queue.")
    if current.decided_by is None:
        return _("This entry has changed since you opened it; look at it again.")
    values = {"user": current.decided_by.get_username(), "state": current.get_state_display()}
    return _("%(user)s was faster: the entry is “%(state)s” already. Nothing was changed.") % values
