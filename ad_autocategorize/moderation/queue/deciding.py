"""What all decisions of moderators share: the ad is locked, the version is compared, who decided is written down."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from django.utils.translation import gettext as _

from ad_autocategorize.models import Decision, ReviewItem
from ad_autocategorize.moderation.queue.transactions import lock_in_order
from ad_autocategorize.sources import AdSource, get_source
from ad_autocategorize.sources.ads import keys_of

# Letters that a moderator may type for a value: no path is longer, and web servers cut the address that carries it back.
LONGEST_TYPED = 1000
# What a batch knows of a locked ad.
Locked = TypeVar("Locked")


class ReviewConflict(RuntimeError):
    """The ad or the issue is no longer as the moderator saw it; the message says, for a person, what happened."""


class ChoiceRefused(ReviewConflict):
    """The moderator chose nothing, or what cannot be; the message says what to choose, and the issue stays open."""


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who decides, and how: ``blind`` without having seen the suggestion, ``batch`` as one of many."""

    user: AbstractBaseUser
    blind: bool = False
    batch: uuid.UUID | None = None


def lock_ads(source: AdSource, ad_ids: Iterable[str], *, hidden: bool = False) -> dict[str, Any]:
    """Return ads by their keys as text, locked until the transaction ends; those that are gone are missing.

    ``hidden`` asks for those too that the site's own manager leaves out, for instance softly deleted ads.
    """
    # Where the database has row locks, a seller or another moderator who changes one of these ads waits for them.
    model = source.ad_model()
    ads = model._base_manager if hidden else model._default_manager
    return {str(ad.pk): ad for ad in lock_in_order(ads.filter(pk__in=keys_of(ad_ids, source)))}


class DecisionBatch(Generic[Locked]):
    """One decision, or many of a bulk action, about ads of the current source: locks the ads, and writes the decisions.

    A single decision locks its ad by ``locked_ad`` and is written at once. A bulk action locks a chunk of ads together, by
    ``locking``, and writes what is decided about them in a few queries at the end of it.
    """

    def __init__(self) -> None:
        self.source = get_source()
        self._locked: dict[str, Locked] = {}
        self._unwritten: list[tuple[Decision, LogEntry]] | None = None

    @contextmanager
    def locking(self, ad_ids: Collection[str]) -> Iterator[None]:
        """Lock ads until the transaction ends, and write what was decided about them at the end of the block."""
        self._locked, self._unwritten = self.lock(ad_ids), []
        try:
            yield
            if self._unwritten:
                decisions, entries = zip(*self._unwritten, strict=True)
                type(decisions[0])._default_manager.bulk_create(decisions)
                LogEntry.objects.bulk_create(entries)
        finally:
            self._locked, self._unwritten = {}, None

    def locked_ad(self, ad_id: str) -> Locked:
        """Return an ad, locked. Raises ``ReviewConflict`` where it is gone.

        Each is returned once: a second decision about the same ad reads it anew, as the first one has left it.
        """
        if ad_id not in self._locked:
            self._locked |= self.lock([ad_id])
        if ad_id not in self._locked:
            raise ReviewConflict(_("The ad no longer exists."))
        return self._locked.pop(ad_id)

    def lock(self, ad_ids: Collection[str]) -> dict[str, Locked]:
        """Return ads with what belongs to them by their keys, locked until the transaction ends; those gone are missing."""
        raise NotImplementedError

    def write_down(self, decision: Decision, ad: Any, reviewer: Reviewer, message: str) -> None:
        """Record a decision as the reviewer's, and in Django's admin log; called when all else has been done."""
        decision.moderator_id = reviewer.user.pk
        decision.moderator_name = reviewer.user.get_username()
        decision.source = self.source.name
        decision.blind = reviewer.blind
        decision.batch = reviewer.batch
        entry = LogEntry(
            user_id=reviewer.user.pk,
            content_type=ContentType.objects.get_for_model(ad, for_concrete_model=False),
            object_id=str(ad.pk),
            object_repr=str(ad)[:200],
            action_flag=CHANGE,
            change_message=message,
        )
        if self._unwritten is None:
            decision.save()
            entry.save()
        else:
            self._unwritten.append((decision, entry))


def change_state(issue: ReviewItem, state: str, user: AbstractBaseUser | None, **changes: Any) -> None:
    """Give the issue a new state, with other ``changes`` to its row, and raise its version: the optimistic lock.

    ``user`` is who decided; ``None`` for an issue that is opened again. Only an open issue can be settled. Raises
    ``ReviewConflict`` if the row no longer has the version of ``issue``, or is settled already.
    """
    rows: Any = type(issue)._default_manager
    found = rows.filter(pk=issue.pk, version=issue.version)
    if state != issue.State.OPEN:
        found = found.filter(state=issue.State.OPEN)
    decided_at = timezone.now() if user else None
    changes |= {"state": state, "decided_by": user, "decided_at": decided_at, "version": issue.version + 1}
    if not found.update(**changes):
        raise ReviewConflict(_conflict_text(issue, user))
    for name, value in changes.items():
        setattr(issue, name, value)


def _conflict_text(issue: ReviewItem, user: AbstractBaseUser | None) -> str:
    rows: Any = type(issue)._default_manager
    current = rows.filter(pk=issue.pk).select_related("decided_by").first()
    if current is None:
        return _("This entry has left the queue.")
    if current.decided_by is None:
        return _("This entry has changed since you opened it; look at it again.")
    if user is not None and current.decided_by_id == user.pk:
        text = _("You have decided this entry already, as “%(state)s”. Nothing was changed.")
        return text % {"state": current.get_state_display()}
    values = {"user": current.decided_by.get_username(), "state": current.get_state_display()}
    return _("%(user)s was faster: the entry is “%(state)s” already. Nothing was changed.") % values
