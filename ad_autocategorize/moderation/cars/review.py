"""What moderators do with a car's field: accept, choose another value, keep, undo.

As with categories, every function runs in one transaction: the ad and its entries are locked, the ad is changed through the
source, and an immutable ``CarDecision`` and an entry of Django's admin log are written; all of it happens or nothing does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from ad_autocategorize.models import CarDecision, CarIssue
from ad_autocategorize.moderation.cars.batch import CarBatch, LockedCar
from ad_autocategorize.moderation.cars.catalog import Catalog, Contradiction
from ad_autocategorize.moderation.cars.stated import describe, fingerprint
from ad_autocategorize.moderation.queue.deciding import (
    ChoiceRefused,
    ReviewConflict,
    Reviewer,
    change_state,
)
from ad_autocategorize.moderation.queue.transactions import decision_transaction
from ad_autocategorize.sources import SourceError
from ad_autocategorize.sources.cars import CAR_FIELDS, LABELS, fold

Action = CarDecision.Action
State = CarIssue.State
# What car it is. If either changes, what was said of any other field was said of another car.
PAIR = ("brand", "car_model")


def accept(issue: CarIssue, reviewer: Reviewer, batch: CarBatch | None = None) -> CarDecision:
    """Write the suggested value into the ad. Raises ``ReviewConflict``, ``SourceError``.

    ``batch`` holds what decisions about many ads share.
    """
    if not issue.suggested:
        raise ChoiceRefused(_("No single value is known to fit this car: choose one yourself."))
    return _decide(issue, reviewer, issue.suggested, batch or CarBatch())


def choose(
    issue: CarIssue, values: Mapping[str, str], reviewer: Reviewer, batch: CarBatch | None = None
) -> CarDecision:
    """Write values of the moderator's choice, by field; a brand or model may bring the other along. For raises see ``accept``."""
    return _decide(issue, reviewer, values, batch or CarBatch())


def keep(issue: CarIssue, reviewer: Reviewer, batch: CarBatch | None = None) -> CarDecision:
    """Say that the field is right as it is: it is not asked about again unless the ad changes."""
    return _decide(issue, reviewer, {}, batch or CarBatch())


@decision_transaction()
def undo(decision: CarDecision, reviewer: Reviewer, batch: CarBatch | None = None) -> CarDecision:
    """Take a decision back and open the issue again.

    Raises ``ReviewConflict`` where it was undone already, or somebody changed the ad since.
    """
    batch = batch or CarBatch()
    held = batch.locked_ad(decision.ad_id)
    if decision.action == Action.UNDONE or CarDecision.objects.filter(undoes=decision).exists():
        raise ReviewConflict(_("This decision was undone already."))
    return _take_back(batch, held, decision, reviewer)


@decision_transaction()
def reopen(issue: CarIssue, reviewer: Reviewer, batch: CarBatch | None = None) -> CarDecision:
    """Ask about a kept field again: the decision is undone. Raises ``ReviewConflict``."""
    last = issue.decisions.filter(undone_by=None).exclude(action=Action.UNDONE).first()
    if last is not None:
        return undo(last, reviewer, batch)
    # It was kept before decisions were recorded.
    batch = batch or CarBatch()
    held = batch.locked_ad(issue.ad_id)
    kept = {issue.field: issue.stated}
    unrecorded = CarDecision(issue=issue, ad_id=issue.ad_id, before=kept, after=kept, **_grounds(issue))
    return _take_back(batch, held, unrecorded, reviewer)


@decision_transaction()
def _decide(issue: CarIssue, reviewer: Reviewer, wanted: Mapping[str, str], batch: CarBatch) -> CarDecision:
    held = batch.locked_ad(issue.ad_id)
    car = held.stated
    changes = _changes(car, wanted, batch)
    change_state(issue, State.CORRECTED if changes else State.KEPT, reviewer.user)
    seen = {issue.field: issue.stated, **issue.car}
    if any(car[name] != seen.get(name, car[name]) for name in {*PAIR, issue.field, *changes}):
        raise ReviewConflict(_("The ad has changed since this was found; it is left as it is, for the next search."))
    if changes and (against := batch.catalog.forbids(car, changes)):
        raise ChoiceRefused(_refusal(against, {**car, **changes}))
    after = _write(batch, held, changes)
    action = Action.CORRECTED if changes else Action.KEPT
    if changes and {name: fold(text) for name, text in wanted.items()} == _folded(issue.suggested):
        action = Action.ACCEPTED
    _remember(issue, after)
    _update_other_issues(held, issue, after, batch)
    names = [name for name in CAR_FIELDS if name in (changes or (issue.field,))]
    decision = CarDecision(issue=issue, ad_id=issue.ad_id, action=action, **_grounds(issue))
    decision.before, decision.after = ({name: said[name] for name in names} for said in (car, after))
    return _record(held, decision, reviewer, batch)


def _take_back(batch: CarBatch, held: LockedCar, decision: CarDecision, reviewer: Reviewer) -> CarDecision:
    if any(held.stated[name] != text for name, text in decision.after.items()):
        raise ReviewConflict(_("The ad has been changed since; it stays as it is."))
    changes = {} if decision.before == decision.after else decision.before
    # What the seller said comes back, whatever the catalog has against it.
    restored = _write(batch, held, changes)
    issue = decision.issue
    if issue is not None:
        change_state(issue, State.OPEN, None, stated=restored[issue.field][:200], found_at=timezone.now())
        _remember(issue, restored)
    _update_other_issues(held, issue, restored, batch)
    undone = CarDecision(issue=issue, ad_id=decision.ad_id, action=Action.UNDONE, **_grounds(decision))
    undone.before, undone.after = decision.after, decision.before
    undone.undoes = decision if decision.pk else None
    return _record(held, undone, reviewer, batch)


def _changes(car: Mapping[str, str], wanted: Mapping[str, str], batch: CarBatch) -> dict[str, str]:
    changes = {name: text for name, text in wanted.items() if fold(text) != fold(car[name])}
    if "brand" in changes and len(batch.catalog.makers(car["car_model"])) > 1:
        # Two brands have a model of this name. Write the model again, so that the ad points at the new brand's model.
        changes.setdefault("car_model", car["car_model"])
    return changes


def _refusal(against: Contradiction, car: Mapping[str, str]) -> str:
    values = {"brand": car["brand"], "model": car["car_model"], "expected": against.expected}
    if against.field == "brand":
        return (
            _("The car catalog knows no %(brand)s %(model)s, only of %(expected)s: choose brand and model together.")
            % values
        )
    return (
        _("The car catalog has %(expected)s for %(brand)s %(model)s: choose that, or mend the catalog first.") % values
    )


def _write(batch: CarBatch, held: LockedCar, changes: Mapping[str, str]) -> dict[str, str]:
    """Write the changes and return what the ad says afterwards. Raises ``SourceError`` where it says something else."""
    if not changes:
        return held.stated
    for name in CAR_FIELDS:
        if name in changes:
            batch.source.set_car_field(held.ad, name, changes[name])
    after = batch.read_again(held.ad)
    for name, text in changes.items():
        if fold(after[name]) != fold(text):
            raise SourceError(
                f"{type(batch.source).__name__}.set_car_field(ad, {name!r}, {text!r}) was called, "
                f"and the ad says {after[name]!r}."
            )
    return after


def _remember(issue: CarIssue, car: Mapping[str, str]) -> None:
    issue.car, issue.fingerprint = dict(car), fingerprint(issue.field, car)
    CarIssue.objects.filter(pk=issue.pk).update(car=issue.car, fingerprint=issue.fingerprint)


def _update_other_issues(held: LockedCar, decided: CarIssue | None, after: Mapping[str, str], batch: CarBatch) -> None:
    """Update the ad's other issues after its car changed.

    An open issue is deleted if the contradiction is gone. A settled issue stays settled unless brand or model changed.
    """
    before = held.stated
    others = [issue for issue in held.issues if issue != decided]
    if before == after or not others:
        return
    same_car = all(before[name] == after[name] for name in PAIR)
    impossible = {found.field: found for found in batch.catalog.contradictions(after)}
    for issue in others:
        if issue.state != State.OPEN:
            # The next search asks again if the fingerprint differs, so it must describe the car as it is now.
            if same_car and issue.fingerprint == fingerprint(issue.field, before):
                _remember(issue, after)
            continue
        if issue.evidence == CarIssue.Evidence.CATALOG:
            found = impossible.get(issue.field)
        else:
            found = _photo_contradiction(issue, after, batch.catalog)
        if found is None:
            issue.delete()
            continue
        describe(issue, found, after)
        issue.found_at = timezone.now()
        if not same_car:
            # An open review page shows the former brand and model; a decision made there must fail as a conflict.
            issue.version += 1
        issue.save()


def _photo_contradiction(issue: CarIssue, car: Mapping[str, str], catalog: Catalog) -> Contradiction | None:
    """Return what the photo still contradicts in an issue about it; ``None`` if the field has changed."""
    if car[issue.field] != issue.car.get(issue.field, issue.stated):
        return None
    # The suggestion depends on the car's other fields, which have changed: work it out again.
    suggested = catalog.complete(car, {issue.field: issue.expected}, issue.suggested.get("car_model", ""))
    return Contradiction(issue.field, issue.evidence, issue.stated, issue.expected, issue.probability, suggested)


def _folded(values: Mapping[str, str]) -> dict[str, str]:
    return {name: fold(text) for name, text in values.items()}


def _grounds(of: CarIssue | CarDecision) -> dict[str, Any]:
    return {name: getattr(of, name) for name in ("field", "evidence", "expected", "probability", "model")}


def _record(held: LockedCar, decision: CarDecision, reviewer: Reviewer, batch: CarBatch) -> CarDecision:
    before, after = decision.move
    values = {
        "action": decision.get_action_display(),
        "field": LABELS[decision.field],
        "from": before,
        "to": after,
        "evidence": ", ".join(filter(None, [decision.get_evidence_display(), decision.model])),
        "expected": decision.expected,
    }
    message = _("Car field review: %(action)s, %(field)s %(from)s → %(to)s (%(evidence)s: %(expected)s).") % values
    batch.write_down(decision, held.ad, reviewer, message)
    return decision
