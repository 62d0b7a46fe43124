"""The form's own record of its suggestions, written by the server as the ad is saved.

The browser carries which suggestions it showed and which one was taken in a hidden field, as it does without JavaScript; it
may lie about its own ad and about nothing else. Ranks and outcomes are worked out here. ``cars.recording`` does the same for
what photos say.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from django import forms
from django.db import router, transaction

from ad_autocategorize.categories.services import CategorySuggestions, active_tree
from ad_autocategorize.models import ModelVersion, SuggestionEvent
from ad_autocategorize.sources import get_source

if TYPE_CHECKING:
    _Base = forms.BaseModelForm
else:
    _Base = object

logger = logging.getLogger("ad_autocategorize")

# Of the hidden field, behind the name of the form's own one.
SUFFIX = "_suggestions"
# As a version is named; anything else is not worth asking the database about, which may refuse its signs.
VERSION = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
MOST_SHOWN = 10
LONGEST_VALUE = 200
Handling = SuggestionEvent.Handling


@dataclass(frozen=True, slots=True)
class SuggestionReport:
    """What was shown last and taken last, as values of the form's category field; ``taken_rank`` is the place it was taken at."""

    model_version: str
    shown: tuple[str, ...]
    taken: str | None = None
    taken_rank: int | None = None

    @classmethod
    def of(cls, answer: CategorySuggestions) -> SuggestionReport | None:
        """Return the report of an answer that is about to be shown, or ``None`` where there is nothing to show."""
        if not answer.suggestions or answer.model_version is None:
            return None
        return cls(answer.model_version, tuple(offer.value for offer in answer.suggestions))

    @classmethod
    def parse(cls, text: str) -> SuggestionReport | None:
        """Read what a browser sent; ``None`` for anything that no form of ours sends."""
        try:
            values: Any = json.loads(text) if len(text) <= (MOST_SHOWN + 2) * LONGEST_VALUE else None
        except (ValueError, RecursionError):
            return None
        if not isinstance(values, dict) or not isinstance(values.get("shown"), list):
            return None
        version, shown = values.get("model_version"), values["shown"]
        taken, rank = values.get("taken"), values.get("taken_rank")
        texts = [version, *shown, *([] if taken is None else [taken])]
        if not 1 <= len(shown) <= MOST_SHOWN or not all(isinstance(item, str) for item in texts):
            return None
        if not VERSION.fullmatch(str(version)):
            return None
        if (taken is None) is not (rank is None) or not (rank is None or _is_place(rank)):
            return None
        return cls(str(version), tuple(shown), taken, rank)

    def take(self, value: str) -> SuggestionReport:
        """Return the report once one of the shown suggestions has been taken."""
        if value not in self.shown:
            return self
        return replace(self, taken=value, taken_rank=self.shown.index(value) + 1)

    def followed_by(self, later: SuggestionReport | None) -> SuggestionReport | None:
        """Return the report once another list has been shown: what was taken from this one stays taken."""
        if self.taken is None:
            return later
        return self if later is None else replace(later, taken=self.taken, taken_rank=self.taken_rank)

    def to_json(self) -> str:
        """Return the text that ``parse`` reads."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def event(self, chosen: str, ad_id: str, *, held: bool) -> SuggestionEvent:
        """Return the event, not yet saved, of an ad that was filed under the category with the value ``chosen``.

        ``held`` says that the ad had it before the form was opened.
        """
        as_taken = self.taken is not None and chosen == self.taken
        # The list may have changed after the suggestion was taken: the place it was taken at is the one that counts.
        rank = self.taken_rank if as_taken else self.shown.index(chosen) + 1 if chosen in self.shown else None
        handling = Handling.IGNORED if self.taken is None else Handling.TAKEN if as_taken else Handling.CHANGED
        if held:
            handling = Handling.HELD
        return SuggestionEvent(
            model_version=self.model_version,
            ad_id=ad_id,
            shown=len(self.shown),
            rank=rank,
            outcome=SuggestionEvent.outcome_of(rank),
            taken_rank=self.taken_rank,
            handling=handling,
            from_form=True,
        )


class RecordingMixin(_Base):
    """Calls ``_record`` once a model form has saved its ad; after ``save(commit=False)``, at ``save_m2m()``."""

    def save(self, *args: Any, **kwargs: Any) -> Any:
        """Save the ad, then record. A form that is not a model's has no ad: its own ``save()`` is left alone."""
        ad = super().save(*args, **kwargs)
        if not isinstance(self, forms.BaseModelForm):
            return ad
        if kwargs.get("commit", args[0] if args else True):
            self._record(ad)
        else:
            save_m2m = self.save_m2m

            def save_and_record() -> None:
                save_m2m()
                self._record(ad)

            self.save_m2m = save_and_record  # type: ignore[method-assign]
        return ad

    def _held(self, field: str) -> bool:
        """Return whether a field has the value that it had when the form was opened."""
        initial = self.get_initial_for_field(self.fields[field], field)
        return initial not in self.fields[field].empty_values and field not in self.changed_data

    def _record(self, ad: Any) -> None:
        """Write events. A mixin calls the others' first, and writes its own within ``recording_of``."""


@contextmanager
def recording_of(ad: Any) -> Iterator[None]:
    """Log whatever goes wrong in here, and undo it: what became of suggestions is never worth a seller's ad."""
    try:
        with transaction.atomic(using=router.db_for_write(SuggestionEvent)):
            yield
    except Exception:
        logger.exception("What became of the suggestions for ad %s could not be recorded.", ad.pk)


class SuggestionRecordMixin(RecordingMixin):
    """Records what became of the suggested categories."""

    _category_name: str

    def _sent_report(self) -> SuggestionReport | None:
        """Return what the form was sent with."""
        if not self.is_bound:
            return None
        return SuggestionReport.parse(str(self.data.get(self.add_prefix(self._category_name) + SUFFIX) or ""))

    def _record(self, ad: Any) -> None:
        super()._record(ad)
        with recording_of(ad):
            report = self._sent_report()
            if report is None or not ModelVersion.objects.filter(name=report.model_version).exists():
                return
            chosen = str(self.data.get(self.add_prefix(self._category_name), ""))
            event = report.event(chosen, str(ad.pk), held=self._held(self._category_name))
            event.category_id = get_source().taxonomy_category_id(ad, active_tree())
            event.save()


def _is_place(rank: Any) -> bool:
    return type(rank) is int and 1 <= rank <= MOST_SHOWN
