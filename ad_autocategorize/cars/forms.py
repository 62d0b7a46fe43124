"""Car fields that a photo fills in, for a host's own ad form: the mixin, and ``{{ form.media }}`` in the template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorDict

from ad_autocategorize.cars.recording import CarRecordMixin, CarReport, FieldReport
from ad_autocategorize.cars.services import CarSuggestion, FieldSuggestion, suggest_car
from ad_autocategorize.cars.widgets import CarPhotoWidget
from ad_autocategorize.models import FieldState
from ad_autocategorize.sources import get_source
from ad_autocategorize.sources.cars import CAR_FIELDS

if TYPE_CHECKING:
    _Base = forms.BaseForm
else:
    _Base = object


class CarPhotoMixin(CarRecordMixin, _Base):
    """Put it before ``forms.ModelForm``, and name the form's file field in ``car_photo_field``.

    The form's other names are those of the source's field paths; ``car_form_fields`` says where they differ. A form posted by
    the button that reads the photo is never valid, so that any view renders it again with the empty fields filled in.

    A model form records what became of the fields as it is saved. Before ``forms.Form`` the mixin fills in and records nothing.
    """

    car_photo_field: ClassVar[str] = "photos"
    car_form_fields: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        source = get_source()
        names = {name: self.car_form_fields.get(name) or str(getattr(source, name) or "") for name in CAR_FIELDS}
        self._car_fields = {name: field for name, field in names.items() if field in self.fields}
        self._car_names = {name: self.add_prefix(field) for name, field in self._car_fields.items()}
        field = self.fields[self.car_photo_field]
        self._car_widget = CarPhotoWidget(field.widget, self._car_names, self.prefix)
        self._car_widget.report = self._sent_car_report()
        field.widget = self._car_widget
        self.data: Any
        self._read_photo = self.is_bound and self._car_widget.button in self.data
        if self._read_photo:
            self._fill_in()

    def is_valid(self) -> bool:
        """Return ``False`` too when the button was pressed: nothing is to be saved yet."""
        return not self._read_photo and super().is_valid()

    def full_clean(self) -> None:
        if self._read_photo:
            self._errors = ErrorDict()
            self.cleaned_data: dict[str, Any] = {}
        else:
            super().full_clean()

    def _fill_in(self) -> None:
        """Put the suggestions into the data, but for fields that the seller has put something into."""
        self._car_widget.answer = answer = self._ask()
        if answer is None or answer.model_version is None or answer.status not in ("car", "no_car"):
            # Nothing was read: what an earlier photo said stands.
            return
        self.data = self.data.copy()
        reports = self._give_way()
        for name, suggestion in answer.fields.items():
            if name not in self._car_names:
                continue
            state = self._fill_in_field(name, suggestion, answer)
            if state == FieldState.FILLED:
                self._car_widget.filled.add(name)
            options = tuple(option.value for option in suggestion.options)
            reports.setdefault(name, FieldReport(answer.model_version, options, suggestion.accepted, state))
        self._car_widget.report = CarReport(reports)

    def _give_way(self) -> dict[str, FieldReport]:
        """Empty what an earlier photo filled in, and return what it said of the fields that the seller has corrected since."""
        corrected = {}
        for name, report in self._car_widget.report.fields.items():
            field = self._car_names.get(name)
            value = field and str(self.data.get(field) or "")
            if field and value and report.state == FieldState.FILLED:
                if report.holds(value):
                    self.data[field] = ""
                else:
                    # The answer to come will not get into the field either: this is the one that the seller has seen.
                    corrected[name] = report
        return corrected

    def _fill_in_field(self, name: str, suggestion: FieldSuggestion, answer: CarSuggestion) -> FieldState:
        field, value = self._car_names[name], suggestion.options[0].value
        if self.data.get(field):
            return FieldState.STATED
        if not suggestion.accepted or not self._fits(name, value, answer) or not self._takes(name, value):
            return FieldState.EMPTY
        self.data[field] = value
        return FieldState.FILLED

    def _fits(self, name: str, value: str, answer: CarSuggestion) -> bool:
        """Return whether a model may stand beside the brand that the seller chose."""
        brand = self.data.get(self._car_names.get("brand", ""), "")
        if name != "car_model" or not brand:
            return True
        return value in [option.value for option in answer.models_by_brand.get(brand, ())]

    def _takes(self, name: str, value: str) -> bool:
        """Return whether the form's own field has the value among its choices, or takes it otherwise."""
        try:
            self.fields[self._car_fields[name]].clean(value)
        except ValidationError:
            return False
        return True

    def _ask(self) -> CarSuggestion | None:
        from ad_autocategorize.cars.uploads import explain, read_uploads

        files = self.files.getlist(self.add_prefix(self.car_photo_field))
        photos, refused = read_uploads(files)
        if refused is not None:
            self._car_widget.refused = explain(refused)
        return suggest_car(photos) if photos or not files else None
