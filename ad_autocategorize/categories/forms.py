"""Category suggestions for a host's own ad form, in two lines: the mixin, and ``{{ form.media }}`` in the template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.forms.utils import ErrorDict

from ad_autocategorize.categories.recording import SuggestionRecordMixin, SuggestionReport
from ad_autocategorize.categories.services import suggest_categories
from ad_autocategorize.categories.widgets import SUGGEST, TAKE, CategorySuggestionWidget
from ad_autocategorize.sources import get_source

if TYPE_CHECKING:
    _Base = forms.BaseForm
else:
    _Base = object


class CategorySuggestionMixin(SuggestionRecordMixin, _Base):
    """Put it before ``forms.ModelForm``. The source says which fields hold title and category.

    A form posted by one of the suggestion buttons is never valid and shows no errors, so that any view renders it again
    with what was typed, and saves nothing. (Browsers drop chosen files then, as they do with every form that is sent back.)
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        source = get_source()
        self._title_name, self._category_name = source.form_field("title"), source.form_field("category")
        field = self.fields[self._title_name]
        self._widget = CategorySuggestionWidget(field.widget, self.add_prefix(self._category_name), self.prefix)
        self._widget.report = self._sent_report()
        field.widget = self._widget
        self.data: Any
        self._asked = self._widget.name_of(SUGGEST) in self.data
        self._taken = self.data.get(self._widget.name_of(TAKE)) if self.is_bound else None
        if self._taken is not None:
            self.data = self.data.copy()
            self.data[self.add_prefix(self._category_name)] = self._taken
            self._widget.report = self._widget.report and self._widget.report.take(self._taken)

    def is_valid(self) -> bool:
        """Return ``False`` too when a suggestion button was pressed: nothing is to be saved yet."""
        return not self._by_suggestion_button() and super().is_valid()

    def full_clean(self) -> None:
        if not self._by_suggestion_button():
            super().full_clean()
            return
        self._errors = ErrorDict()
        self.cleaned_data: dict[str, Any] = {}
        if self._asked:
            title = self.data.get(self.add_prefix(self._title_name)) or ""
            self._widget.answer = suggest_categories(str(title))
            shown, before = SuggestionReport.of(self._widget.answer), self._widget.report
            self._widget.report = before.followed_by(shown) if before else shown

    def _by_suggestion_button(self) -> bool:
        return self.is_bound and (self._asked or self._taken is not None)
