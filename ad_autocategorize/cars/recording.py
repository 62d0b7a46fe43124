"""The form's own record of what photos said of the car, as ``ad_autocategorize.recording`` is of suggested categories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ad_autocategorize.metrics import count_filed
from ad_autocategorize.models import CarFieldEvent, FieldState, ModelVersion
from ad_autocategorize.recording import LONGEST_VALUE, MOST_SHOWN, SUFFIX, VERSION, RecordingMixin, recording_of
from ad_autocategorize.sources.cars import CAR_FIELDS, fold
from ad_autocategorize.sources.registered import car_source

LONGEST_REPORT = len(CAR_FIELDS) * (MOST_SHOWN + 2) * LONGEST_VALUE
# What a browser can know; that an ad held a value before is found out here.
TOLD_STATES = (FieldState.FILLED, FieldState.STATED, FieldState.EMPTY)


@dataclass(frozen=True, slots=True)
class FieldReport:
    """What a photo said of one field, and how that stood afterwards.

    ``options`` are values of the form's field, the most probable first; ``sure`` says that the first might be filled in.
    """

    model_version: str
    options: tuple[str, ...]
    sure: bool
    state: FieldState

    @classmethod
    def parse(cls, values: Any) -> FieldReport | None:
        """Read what a browser sent of one field; ``None`` for anything that no form of ours sends."""
        if not isinstance(values, dict):
            return None
        version, options, sure, state = (values.get(name) for name in ("model_version", "options", "sure", "state"))
        if not isinstance(version, str) or not VERSION.fullmatch(version):
            return None
        if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
            return None
        if not isinstance(sure, bool) or state not in TOLD_STATES:
            return None
        # Nothing is filled in that is not sure.
        if not 1 <= len(options) <= MOST_SHOWN or (state == FieldState.FILLED and not sure):
            return None
        return cls(version, tuple(options), sure, FieldState(state))

    def holds(self, value: str) -> bool:
        """Whether the field was filled in, and ``value`` is what it was filled in with."""
        return self.state == FieldState.FILLED and self._rank(value) == 1

    def event(self, name: str, value: str, ad_id: str, *, held: bool) -> CarFieldEvent:
        """Return the event, not yet saved, of an ad whose field ``name`` was saved with ``value``.

        ``held`` says that the ad had it before the form was opened.
        """
        rank = self._rank(value)
        state = FieldState.HELD if held and self.state != FieldState.FILLED else self.state
        return CarFieldEvent(
            model_version=self.model_version,
            ad_id=ad_id,
            field=name,
            answered=len(self.options),
            sure=self.sure,
            rank=rank,
            outcome=CarFieldEvent.outcome_of(rank, empty=not value.strip()),
            handling=CarFieldEvent.handling_of(state, rank, sure=self.sure),
            from_form=True,
        )

    def _rank(self, value: str) -> int | None:
        # Some hosts' fields are texts, and a seller who writes the name in small letters states the same.
        options = [fold(option) for option in self.options]
        return options.index(fold(value)) + 1 if fold(value) in options else None


@dataclass(frozen=True, slots=True)
class CarReport:
    """What the photos said, by the names of ``AdSource``."""

    fields: Mapping[str, FieldReport]

    @classmethod
    def parse(cls, text: str) -> CarReport:
        """Read what a browser sent; fields of which it says nothing that makes sense are left out."""
        try:
            values: Any = json.loads(text) if len(text) <= LONGEST_REPORT else None
        except (ValueError, RecursionError):
            values = None
        found = {name: FieldReport.parse(values.get(name)) for name in CAR_FIELDS} if isinstance(values, dict) else {}
        return cls({name: report for name, report in found.items() if report is not None})

    def to_json(self) -> str:
        """Return the text that ``parse`` reads; an empty one where there is nothing to tell."""
        fields = {name: asdict(report) for name, report in self.fields.items()}
        return json.dumps(fields, separators=(",", ":")) if fields else ""


class CarRecordMixin(RecordingMixin):
    """Records what became of the car fields that photos answered."""

    # The field whose widget carries the report.
    _car_anchor: str
    # The form's fields by the names of the source, without the form's prefix.
    _car_fields: Mapping[str, str]

    def _sent_car_report(self) -> CarReport:
        """Return what the form was sent with."""
        sent = self.data.get(self.add_prefix(self._car_anchor) + SUFFIX) if self.is_bound else None
        return CarReport.parse(str(sent or ""))

    def _record(self, ad: Any) -> None:
        super()._record(ad)
        with recording_of(ad):
            reports = self._sent_car_report().fields
            told = {report.model_version for report in reports.values()}
            versions = ModelVersion.objects.filter(kind=ModelVersion.Kind.PHOTOS, name__in=told)
            known = set(versions.values_list("name", flat=True)) if told else set()
            # A form may be one of the car's own record, whose keys are not those of ads.
            ad_id = str(ad.pk) if isinstance(ad, car_source().ad_model()) else ""
            events = CarFieldEvent.objects.bulk_create(
                reports[name].event(name, self._sent_value(field), ad_id, held=self._held(field))
                for name, field in self._car_fields.items()
                if name in reports and reports[name].model_version in known
            )
            for event in events:
                count_filed(ModelVersion.Kind.PHOTOS, event.outcome, event.rank)

    def _sent_value(self, field: str) -> str:
        return str(self.data.get(self.add_prefix(field)) or "")
