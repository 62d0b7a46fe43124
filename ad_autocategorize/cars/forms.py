"""Car fields that photo and title fill in, for a host's own ad form: the mixin, and ``{{ form.media }}`` in the template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorDict
from django.utils.translation import gettext as _

from ad_autocategorize.cars.form_catalog import FieldOption, FieldSuggestion
from ad_autocategorize.cars.recording import CarRecordMixin, CarReport, FieldReport
from ad_autocategorize.cars.services import (
    CarSuggestion,
    car_category_values,
    models_of_brand,
    read_car_title,
    suggest_car,
)
from ad_autocategorize.cars.widgets import NAMES, CarWidget, Finding, FormNames, in_words
from ad_autocategorize.models import FieldState
from ad_autocategorize.photo_uploads import explain, read_uploads
from ad_autocategorize.sources.cars import CAR_FIELDS
from ad_autocategorize.sources.registered import car_source

if TYPE_CHECKING:
    _Base = forms.BaseForm
else:
    _Base = object


class CarPhotoMixin(CarRecordMixin, _Base):
    """Put it before ``forms.ModelForm``, and name the form's file field in ``car_photo_field``.

    The form's other names are those of the source's field paths; ``car_form_fields`` says where they differ. A form posted by
    the button that reads the photo is never valid, so that any view renders it again with the empty fields filled in. A form
    without the file field is filled in from its title, and one without either is left alone.

    A model form records what became of the fields as it is saved. Before ``forms.Form`` the mixin fills in and records nothing.
    """

    car_photo_field: ClassVar[str] = "photos"
    car_form_fields: ClassVar[dict[str, str]] = {}
    enter_button: ClassVar[tuple[str, str] | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        source = car_source()
        names = {name: self.car_form_fields.get(name) or str(getattr(source, name) or "") for name in CAR_FIELDS}
        self._car_fields = {name: field for name, field in names.items() if field in self.fields}
        self._car_names = {name: self.add_prefix(field) for name, field in self._car_fields.items()}
        title, category = source.form_field("title"), source.form_field("category")
        has_photos = self.car_photo_field in self.fields
        self._car_anchor = self.car_photo_field if has_photos else title
        self._car_widget: CarWidget | None = None
        self._read_photo = False
        self.data: Any
        if self._car_anchor not in self.fields or not self._car_fields:
            return
        field = self.fields[self._car_anchor]
        form_names = FormNames(self._car_anchor, title, category, self._car_fields)
        self._car_widget = CarWidget(field.widget, form_names, self.prefix, has_photos=has_photos)
        self._car_widget.enter_button = self.enter_button
        self._car_widget.report = self._sent_car_report()
        field.widget = self._car_widget
        self._read_photo = self.is_bound and self._car_widget.button in self.data
        if self._read_photo:
            self._fill_in(self._car_widget)

    def is_valid(self) -> bool:
        """Return ``False`` too when the button was pressed: nothing is to be saved yet."""
        return not self._read_photo and super().is_valid()

    def full_clean(self) -> None:
        if self._read_photo:
            self._errors = ErrorDict()
            self.cleaned_data: dict[str, Any] = {}
        else:
            super().full_clean()

    def _fill_in(self, widget: CarWidget) -> None:
        """Put what title and photo say into the data, but for fields that the seller has put something into."""
        cars = car_category_values()
        category = str(self.data.get(self.add_prefix(widget.names.category)) or "")
        is_car = cars is not None and category in cars
        if cars is not None and category and not is_car:
            widget.message = _("The category is none for cars.")
            return
        self.data = self.data.copy()
        title = str(self.data.get(self.add_prefix(widget.names.title)) or "")
        named = read_car_title(title, is_car=is_car)
        answer = self._ask(widget) if widget.has_photos else None
        # Where nothing was read, what an earlier photo said stands.
        seen = answer if answer is not None and answer.model_version and answer.status in ("car", "no_car") else None
        reports = self._give_way(widget) if seen else dict(widget.report.fields)
        for name in self._car_names:
            self._fill_in_field(name, named.get(name), seen, reports, widget)
        widget.report = CarReport(reports)
        widget.message = self._sum(widget, named, answer)

    def _give_way(self, widget: CarWidget) -> dict[str, FieldReport]:
        """Empty what an earlier photo filled in, and return what it said of the fields that the seller has corrected since."""
        corrected = {}
        filled = {name: report for name, report in widget.report.fields.items() if report.state == FieldState.FILLED}
        for name, report in filled.items():
            field = self._car_names.get(name, "")
            value = str(self.data.get(field) or "")
            if value and report.holds(value):
                self.data[field] = ""
            elif value:
                # The answer to come will not get into the field either: this is the one that the seller has seen.
                corrected[name] = report
        return corrected

    def _fill_in_field(
        self,
        name: str,
        named: FieldSuggestion | None,
        answer: CarSuggestion | None,
        reports: dict[str, FieldReport],
        widget: CarWidget,
    ) -> None:
        """Fill one field in, the title's word before the photo's, and note for the seller what each of them says."""
        suggestion = answer.fields.get(name) if answer else None
        state = FieldState.STATED
        if not self.data.get(self._car_names[name]):
            if self._put(name, named, answer):
                widget.found.append(Finding(str(NAMES[name]), named.options[0].label, _("from the title")))  # type: ignore[union-attr]
            elif self._put(name, suggestion, answer):
                state = FieldState.FILLED
                widget.found.append(self._seen(name, suggestion.options[0]))  # type: ignore[union-attr]
            else:
                state = FieldState.EMPTY
        if suggestion is None or answer is None or answer.model_version is None:
            return
        if state == FieldState.STATED and suggestion.accepted:
            self._note_difference(name, suggestion.options[0], widget)
        options = tuple(option.value for option in suggestion.options)
        reports.setdefault(name, FieldReport(answer.model_version, options, suggestion.accepted, state))

    def _put(self, name: str, suggestion: FieldSuggestion | None, answer: CarSuggestion | None) -> bool:
        """Put the first value into the form's field; return whether it may be filled in, and can stand there."""
        if suggestion is None or not suggestion.accepted:
            return False
        value = suggestion.options[0].value
        if not self._fits(name, value, answer) or not self._takes(name, value):
            return False
        self.data[self._car_names[name]] = value
        return True

    def _note_difference(self, name: str, option: FieldOption, widget: CarWidget) -> None:
        """Say what the photo shows where the field holds something else."""
        field = self._car_fields[name]
        stated = str(self.data.get(self._car_names[name]) or "")
        if option.value.strip().casefold() == stated.strip().casefold():
            return
        labels = {str(value): str(text) for value, text in getattr(self.fields[field], "choices", ())}
        widget.found.append(self._seen(name, option, labels.get(stated, stated)))

    def _seen(self, name: str, option: FieldOption, differs: str = "") -> Finding:
        return Finding(str(NAMES[name]), option.label, in_words(option.confidence, option.probability), differs)

    def _fits(self, name: str, value: str, answer: CarSuggestion | None) -> bool:
        """Return whether a model may stand beside the brand that the form holds."""
        brand = str(self.data.get(self._car_names.get("brand", "")) or "")
        if name != "car_model" or not brand:
            return True
        ranked = answer.models_by_brand.get(brand) if answer else None
        return value in {option.value for option in ranked or models_of_brand(brand)}

    def _takes(self, name: str, value: str) -> bool:
        """Return whether the form's own field has the value among its choices, or takes it otherwise."""
        try:
            self.fields[self._car_fields[name]].clean(value)
        except ValidationError:
            return False
        return True

    def _ask(self, widget: CarWidget) -> CarSuggestion | None:
        files = self.files.getlist(self.add_prefix(self.car_photo_field))
        photos, refused = read_uploads(files)
        if refused is not None:
            widget.message = explain(refused)
        return suggest_car(photos) if photos or not files else None

    def _sum(self, widget: CarWidget, named: dict[str, FieldSuggestion], answer: CarSuggestion | None) -> str:
        """Return in a sentence or two what came of it, and nothing that did not."""
        said = [widget.message]
        differs = any(finding.differs for finding in widget.found)
        if differs:
            said.append(_("The photo says something else than the ad. Please check."))
        elif widget.found:
            said.append(_("Filled in, please check:"))
        elif answer is not None and (answer.status != "no_photo" or not named):
            said.append(_("Nothing was filled in from the photo.") if answer.status == "car" else answer.message)
        if answer is not None and answer.twins and widget.found:
            said.append(_("The same car is sold as %(cars)s.") % {"cars": ", ".join(answer.twins)})
        if answer is not None and answer.photos_used and not getattr(self, "holds_photos", False):
            said.append(_("Choose the photo again before you send the ad."))
        return " ".join(filter(None, said))
