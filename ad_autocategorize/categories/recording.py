"""The form's own record of its category suggestions; ``cars.recording`` does the same for what photos say."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from ad_autocategorize.categories.services import CategorySuggestions, active_tree, category_of_value, form_value
from ad_autocategorize.metrics import count_filed
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
        values = _read_json(text)
        version, shown = values.get("model_version"), values.get("shown")
        taken, rank = values.get("taken"), values.get("taken_rank")
        if not isinstance(version, str) or not VERSION.fullmatch(version):
            return None
        if not isinstance(shown, list) or not 1 <= len(shown) <= MOST_SHOWN or not _are_texts(shown):
            return None
        nothing_taken = taken is None and rank is None
        if not nothing_taken and not (isinstance(taken, str) and _is_place(rank)):
            return None
        return cls(version, tuple(shown), taken, rank)

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
        rank = self._rank(chosen)
        return SuggestionEvent(
            model_version=self.model_version,
            ad_id=ad_id,
            shown=len(self.shown),
            rank=rank,
            outcome=SuggestionEvent.outcome_of(rank),
            taken_rank=self.taken_rank,
            handling=Handling.HELD if held else self._handling(chosen),
            from_form=True,
        )

    def _rank(self, chosen: str) -> int | None:
        """Return the place of the chosen category in the list, the first being 1; ``None`` where it was not in it."""
        if chosen == self.taken:
            # The list may have changed after the suggestion was taken: the place it was taken at is the one that counts.
            return self.taken_rank
        return self.shown.index(chosen) + 1 if chosen in self.shown else None

    def _handling(self, chosen: str) -> SuggestionEvent.Handling:
        if self.taken is None:
            return Handling.IGNORED
        return Handling.TAKEN if chosen == self.taken else Handling.CHANGED


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
            if report is None or not _is_title_version(report.model_version):
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
            count_filed(ModelVersion.Kind.TITLES, event.outcome, event.rank)

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


def _is_title_version(name: str) -> bool:
    return ModelVersion.objects.filter(name=name, kind=ModelVersion.Kind.TITLES).exists()


def _read_json(text: str) -> dict[str, Any]:
    """Return the values that a browser sent by name; none of them for what is no report of ours."""
    if len(text) > (MOST_SHOWN + 2) * LONGEST_VALUE:
        return {}
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _is_place(rank: Any) -> bool:
    return type(rank) is int and 1 <= rank <= MOST_SHOWN
