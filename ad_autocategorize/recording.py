"""The form's own record of its suggestions, written by the server as the ad is saved.

The browser carries which suggestions it showed and which one was taken in a hidden field, as it does without JavaScript; it
may lie about its own ad and about nothing else. Ranks and outcomes are worked out here.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from django import forms

from ad_autocategorize.models import ModelVersion, SuggestionEvent
from ad_autocategorize.services import CategorySuggestions, active_tree
from ad_autocategorize.sources import get_source

if TYPE_CHECKING:
    _Base = forms.BaseModelForm
else:
    _Base = object

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

    def to_json(self) -> str:
        """Return the text that ``parse`` reads."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def event(self, chosen: str, ad_id: str) -> SuggestionEvent:
        """Return the event, not yet saved, of an ad that was filed under the category with the value ``chosen``."""
        as_taken = self.taken is not None and chosen == self.taken
        # The list may have changed after the suggestion was taken: the place it was taken at is the one that counts.
        rank = self.taken_rank if as_taken else self.shown.index(chosen) + 1 if chosen in self.shown else None
        handling = Handling.IGNORED if self.taken is None else Handling.TAKEN if as_taken else Handling.CHANGED
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


class SuggestionRecordMixin(_Base):
    """Records what became of the suggestions when a model form is saved; after ``save(commit=False)``, at ``save_m2m()``."""

    _category_name: str

    def save(self, commit: bool = True) -> Any:
        """Save the ad, then record."""
        ad = super().save(commit)
        if commit:
            self._record(ad)
        else:
            save_m2m = self.save_m2m

            def save_and_record() -> None:
                save_m2m()
                self._record(ad)

            self.save_m2m = save_and_record  # type: ignore[method-assign]
        return ad

    def _sent_report(self) -> SuggestionReport | None:
        """Return what the form was sent with."""
        if not self.is_bound:
            return None
        return SuggestionReport.parse(str(self.data.get(self.add_prefix(self._category_name) + SUFFIX) or ""))

    def _record(self, ad: Any) -> None:
        report = self._sent_report()
        if report is None or not ModelVersion.objects.filter(name=report.model_version).exists():
            return
        event = report.event(str(self.data.get(self.add_prefix(self._category_name), "")), str(ad.pk))
        event.category_id = get_source().taxonomy_category_id(ad, active_tree())
        event.save()


def _is_place(rank: Any) -> bool:
    return type(rank) is int and 1 <= rank <= MOST_SHOWN
