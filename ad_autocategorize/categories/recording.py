"""The form's own record of its category suggestions; ``cars.recording`` does the same for what photos say."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from ad_autocategorize.categories.services import CategorySuggestions, active_tree, category_of_value, form_value
from ad_autocategorize.models import ModelVersion, SuggestionEvent
from ad_autocategorize.recording import LONGEST_VALUE, MOST_SHOWN, SUFFIX, VERSION, RecordingMixin, recording_of
from ad_autocategorize.sources import AdSource, using_source

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


class SuggestionRecordMixin(RecordingMixin):
    """Records what became of the suggested categories."""

    # The category's field, without the form's prefix. It may stand in another form of the page, such as a row of a formset: then
    # it is the whole name that the field is posted under.
    _category_name: str
    source_name: str
    # Whether the form suggests categories at all.
    _suggests = False
    # Where the ad was filed before, if another form says where it is filed now.
    _category_before: int | None = None

    def _posted_category(self) -> str:
        """Return the name that the category is posted under."""
        own = self.add_prefix(self._category_name)
        return own if self._category_name in self.fields or own in self.data else self._category_name

    def _sent_report(self) -> SuggestionReport | None:
        """Return what the form was sent with."""
        if not self.is_bound:
            return None
        return SuggestionReport.parse(str(self.data.get(self.add_prefix(self._category_name) + SUFFIX) or ""))

    def _record(self, ad: Any) -> None:
        super()._record(ad)
        with recording_of(ad):
            report = self._sent_report() if self._suggests else None
            if (
                report is None
                or not ModelVersion.objects.filter(name=report.model_version, kind=ModelVersion.Kind.TITLES).exists()
            ):
                return
            with using_source(self.source_name) as source:
                filed = self._filed_at(ad, source)
            # Of several categories one that was taken or shown tells what became of the suggestions.
            suggested = [value for value in (report.taken, *report.shown) if value in filed]
            chosen = suggested[0] if suggested else str(self.data.get(self._posted_category()) or "")
            category = filed.get(chosen) or next(iter(filed.values()), None)
            event = report.event(chosen, str(ad.pk), held=self._was_held(category))
            event.source, event.category_id = self.source_name, category
            event.save()

    def _filed_at(self, ad: Any, source: AdSource) -> dict[str, int]:
        """Return the categories that the ad is filed at, by what the form's field takes for each."""
        tree = active_tree()
        if self._category_name in self.fields:
            return {form_value(pk, tree, source): pk for pk in source.filed_at_ids(ad, tree)}
        # Another form saves it, and may not have done so yet.
        value = str(self.data.get(self._posted_category()) or "")
        category = category_of_value(value, tree, source)
        return {} if category is None else {value: category}

    def _was_held(self, category: int | None) -> bool:
        """Return whether the ad was filed at the category before the form was opened."""
        if self._category_name in self.fields:
            return self._held(self._category_name)
        return category is not None and category == self._category_before


def _is_place(rank: Any) -> bool:
    return type(rank) is int and 1 <= rank <= MOST_SHOWN
