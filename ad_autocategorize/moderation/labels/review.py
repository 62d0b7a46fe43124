"""What moderators do with an ad of the queue: accept, choose another category, keep, undo.

Every function runs in one transaction that locks the ad's row, changes the ad through the source, raises the issue's version,
and writes an immutable ``ReviewDecision`` and an entry of Django's admin log; all of it happens or nothing does.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.utils.translation import gettext as _

from ad_autocategorize.models import LabelIssue, ReviewDecision
from ad_autocategorize.moderation.labels.batch import LabelBatch
from ad_autocategorize.moderation.labels.fingerprints import fingerprint, is_titled
from ad_autocategorize.moderation.queue.deciding import ChoiceRefused, ReviewConflict, Reviewer, change_state
from ad_autocategorize.moderation.queue.searching import folded_title
from ad_autocategorize.moderation.queue.transactions import decision_transaction
from ad_autocategorize.sources.ads import title_of
from taxonomy.tree import CategoryTree

Action = ReviewDecision.Action
State = LabelIssue.State


def accept(issue: LabelIssue, reviewer: Reviewer, batch: LabelBatch | None = None) -> ReviewDecision:
    """File the ad at the suggested category. Raises ``ReviewConflict``, ``SourceError``.

    ``batch`` holds what decisions about many ads share.
    """
    if not issue.has_answer:
        raise ChoiceRefused(_("The photo shows something else, and the title does not say what: choose a category."))
    return _decide(issue, reviewer, Action.ACCEPTED, issue.suggested_id, batch or LabelBatch())


def choose(issue: LabelIssue, category_id: int, reviewer: Reviewer) -> ReviewDecision:
    """File the ad at a category of the moderator's choice. Raises ``ReviewConflict``, ``SourceError``, ``KeyError``."""
    action = Action.CORRECTED
    if category_id in (issue.given_id, issue.suggested_id):
        action = Action.KEPT if category_id == issue.given_id else Action.ACCEPTED
    return _decide(issue, reviewer, action, category_id, LabelBatch())


def keep(issue: LabelIssue, reviewer: Reviewer, batch: LabelBatch | None = None) -> ReviewDecision:
    """Say that the ad is filed rightly: it is not asked about again unless it or the tree changes."""
    return _decide(issue, reviewer, Action.KEPT, issue.given_id, batch or LabelBatch())


@decision_transaction()
def relabel_ad(ad_id: str, move: tuple[int, int], reviewer: Reviewer, batch: LabelBatch) -> ReviewDecision:
    """File an ad, which need not be in the queue, at another category (from, to), and record it. For raises see ``choose``."""
    ad = batch.locked_ad(ad_id)
    if move[0] not in batch.source.filed_at_ids(ad, batch.tree):
        raise ReviewConflict(_("The ad was filed elsewhere in the meantime; it is left as it is."))
    return _file(ReviewDecision(ad_id=ad_id, action=Action.CORRECTED), ad, move, reviewer, batch)


@decision_transaction()
def undo(decision: ReviewDecision, reviewer: Reviewer, batch: LabelBatch | None = None) -> ReviewDecision:
    """Take a decision back: file the ad where it was, and open its issue again; for ``batch`` see ``accept``.

    Raises ``ReviewConflict`` where it was undone already, or somebody changed the ad since.
    """
    batch, back_to = batch or LabelBatch(hidden_ads=True), decision.from_category_id
    if back_to is not None:
        # Even one out of use: undoing a merge fills the category that the merge has emptied.
        batch.lock_category(back_to)
    ad = batch.locked_ad(decision.ad_id)
    if decision.action == Action.UNDONE or ReviewDecision.objects.filter(undoes=decision).exists():
        raise ReviewConflict(_("This decision was undone already."))
    is_there = decision.to_category_id in batch.source.filed_at_ids(ad, batch.tree)
    if not is_there or back_to is None or back_to not in batch.tree:
        raise ReviewConflict(_("The ad has been changed since; it stays as it is."))
    issue = decision.issue
    if issue is not None:
        if issue.suggested_id == back_to:
            _settle_as_suggested(issue, reviewer)
        else:
            _reopen(issue, decision, ad, back_to, batch)
    undone = ReviewDecision(
        issue=issue,
        ad_id=decision.ad_id,
        action=Action.UNDONE,
        suggested_category_id=decision.suggested_category_id,
        suggested_path=decision.suggested_path,
        suggested_probability=decision.suggested_probability,
        model=decision.model,
        undoes=decision,
    )
    return _file(undone, ad, (decision.to_category_id or 0, back_to), reviewer, batch)


def _settle_as_suggested(issue: LabelIssue, reviewer: Reviewer) -> None:
    """Settle an issue that suggests the very category that an undone decision brings the ad back to.

    Since that decision a search has found the ad again, where the decision had put it, and has suggested the way back. The
    fingerprint says what a moderator approved of. It is emptied, since nobody has approved of the ad here: a search that doubts
    it may ask again.
    """
    # Opened first: only an open issue can be settled, and this one may be either.
    change_state(issue, State.OPEN, None, fingerprint="")
    change_state(issue, State.RELABELLED, reviewer.user)


def _reopen(issue: LabelIssue, decision: ReviewDecision, ad: Any, back_to: int, batch: LabelBatch) -> None:
    """Open an issue again whose decision is undone, about the ad as it is now and at the category that it goes back to."""
    title = _title(ad, batch)
    filed = _moved(batch.source.filed_at_ids(ad, batch.tree), (decision.to_category_id, back_to))
    change_state(
        issue,
        State.OPEN,
        None,
        given_id=back_to,
        branch_id=batch.tree.path_ids(back_to)[0],
        fingerprint=fingerprint(title, filed, batch.tree),
        folded_title=folded_title(title),
    )


@decision_transaction()
def _decide(
    issue: LabelIssue, reviewer: Reviewer, action: Action, category_id: int, batch: LabelBatch
) -> ReviewDecision:
    source, tree = batch.source, batch.tree
    if category_id not in tree:
        raise ChoiceRefused(_("This category is no longer in the tree."))
    if action != Action.KEPT:
        batch.require_in_use(category_id)
    ad = batch.locked_ad(issue.ad_id)
    title, found_unchanged = _title(ad, batch), is_titled(issue, _title(ad, batch))
    state = State.KEPT if action == Action.KEPT else State.RELABELLED
    filed = source.filed_at_ids(ad, tree)
    if category_id != issue.given_id and category_id in filed:
        raise ChoiceRefused(_("The ad is filed there already, beside the category in question; choose another one."))
    approved = _moved(filed, (issue.given_id, category_id))
    change_state(issue, state, reviewer.user, fingerprint=fingerprint(title, approved, tree))
    if issue.given_id not in filed:
        raise ReviewConflict(_("The ad was filed elsewhere in the meantime; it is left as it is."))
    if not found_unchanged:
        # Nobody approves of a title that he has not seen.
        raise ReviewConflict(_("The ad has changed since this was found; it is left as it is, for the next search."))
    decision = ReviewDecision(
        issue=issue,
        ad_id=issue.ad_id,
        action=action,
        suggested_category_id=issue.suggested_id,
        suggested_path=_path_text(tree, issue.suggested_id),
        suggested_probability=issue.suggested_probability,
        model=issue.model,
    )
    return _file(decision, ad, (issue.given_id, category_id), reviewer, batch)


def _file(
    decision: ReviewDecision, ad: Any, move: tuple[int, int], reviewer: Reviewer, batch: LabelBatch
) -> ReviewDecision:
    """File the ad (from, to), and write the decision down."""
    if move[0] != move[1]:
        _move(ad, move, batch)
    decision.from_category_id, decision.to_category_id = move
    decision.from_path, decision.to_path = (_path_text(batch.tree, pk) for pk in move)
    values = {
        "action": decision.get_action_display(),
        "from": decision.from_path,
        "to": decision.to_path,
        "model": decision.model,
    }
    if decision.model:
        message = _("Category review: %(action)s, %(from)s → %(to)s (%(model)s).") % values
    else:
        # A merge, which no model suggested ad by ad.
        message = _("Category review: %(action)s, %(from)s → %(to)s.") % values
    batch.write_down(decision, ad, reviewer, message)
    return decision


def _move(ad: Any, move: tuple[int, int], batch: LabelBatch) -> None:
    if batch.source.may_have_several(ad):
        batch.source.replace_category(ad, batch.own_category(move[0]), batch.own_category(move[1]))
    else:
        batch.source.relabel(ad, batch.own_category(move[1]))


def _moved(filed: Collection[int], move: tuple[int | None, int]) -> set[int]:
    """Return where an ad is filed once one of its categories has been replaced (from, to)."""
    return {pk for pk in filed if pk != move[0]} | {move[1]}


def _title(ad: Any, batch: LabelBatch) -> str:
    return title_of(ad, batch.source).strip()


def _path_text(tree: CategoryTree, category_id: int) -> str:
    return tree.path_text(category_id) if category_id in tree else ""
