"""Category suggestions for a host's own ad form, in two lines: the mixin, and ``{{ form.media }}`` in the template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.forms.utils import ErrorDict

from ad_autocategorize.categories.recording import SuggestionRecordMixin, SuggestionReport
from ad_autocategorize.categories.services import active_tree, hears_photos, suggest_categories
from ad_autocategorize.categories.widgets import SUGGEST, TAKE, CategorySuggestionWidget
from ad_autocategorize.photo_uploads import explain, read_uploads
from ad_autocategorize.recording import is_form_of
from ad_autocategorize.sources import AdSource, using_source
from ad_autocategorize.sources.registered import current_source_name, source_name_of

if TYPE_CHECKING:
    from PIL.Image import Image

    _Base = forms.BaseForm
else:
    _Base = object


class CategorySuggestionMixin(SuggestionRecordMixin, _Base):
    """Put it before ``forms.ModelForm``. The source says which fields hold title and category.

    A form posted by one of the suggestion buttons is never valid and shows no errors, so that any view renders it again
    with what was typed, and saves nothing. (Put ``HeldPhotosMixin`` before it where the form has photos.) A form without the
    title field, or of another model than the source's ads, is left alone.

    Where the model in service has learned from photos, those in the file field ``category_photo_field`` are looked at too.

    ``enter_button`` is the name and value of the button that Enter is to press, where the view looks at them and there is no
    JavaScript; with it, Enter presses the form's own first button.
    """

    enter_button: ClassVar[tuple[str, str] | None] = None
    category_photo_field: ClassVar[str] = "photos"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.source_name = self._source_of_form()
        with using_source(self.source_name) as source:
            self._prepare(source)

    def _source_of_form(self) -> str:
        """Return the name of the source whose ads the form is for: by the form's model, or else the current one."""
        model = getattr(getattr(self, "_meta", None), "model", None)
        return (model and source_name_of(model)) or current_source_name()

    def _prepare(self, source: AdSource) -> None:
        self._title_name, self._category_name = source.form_field("title"), source.form_field("category")
        self._widget: CategorySuggestionWidget | None = None
        self._asked, self._taken = False, None
        self._suggests = self._title_name in self.fields and is_form_of(self, source.ad_model())
        if self._suggests:
            self._widget = self._wrap_title()
            self._widget.source_name = source.name
            self._read_buttons(self._widget)

    def is_valid(self) -> bool:
        """Return ``False`` too when a suggestion button was pressed: nothing is to be saved yet."""
        return not self._by_suggestion_button() and super().is_valid()

    def full_clean(self) -> None:
        if not self._by_suggestion_button():
            super().full_clean()
            return
        self._errors = ErrorDict()
        self.cleaned_data: dict[str, Any] = {}
        if self._asked and self._widget:
            title = self.data.get(self.add_prefix(self._title_name)) or ""
            with using_source(self.source_name):
                self._widget.answer = suggest_categories(str(title), photos=self._photos(self._widget))
            shown, before = SuggestionReport.of(self._widget.answer), self._widget.report
            self._widget.report = before.followed_by(shown) if before else shown

    def _photos(self, widget: CategorySuggestionWidget) -> list[Image]:
        """Return the form's photos, decoded, where they are heard; the widget says why one was refused."""
        if self.category_photo_field not in self.fields or not hears_photos():
            return []
        files = self.files.getlist(self.add_prefix(self.category_photo_field)) if self.files else []
        photos, refused = read_uploads(files)
        widget.message = explain(refused) if refused else ""
        return photos

    def _wrap_title(self) -> CategorySuggestionWidget:
        field = self.fields[self._title_name]
        widget = CategorySuggestionWidget(field.widget, self._title_name, self._category_name, self.prefix)
        widget.enter_button = self.enter_button
        widget.report = self._sent_report()
        widget.photo_field = self.category_photo_field if self.category_photo_field in self.fields else ""
        field.widget = widget
        return widget

    def _read_buttons(self, widget: CategorySuggestionWidget) -> None:
        if not self.is_bound:
            return
        if self._category_name not in self.fields and getattr(self, "instance", None) and self.instance.pk:
            with using_source(self.source_name) as source:
                self._category_before = source.taxonomy_category_id(self.instance, active_tree())
        self._asked = widget.name_of(SUGGEST) in self.data
        self._taken = self.data.get(widget.name_of(TAKE))
        if self._taken is not None:
            self._put_category(str(self._taken))
            widget.report = widget.report and widget.report.take(str(self._taken))

    def _put_category(self, value: str) -> None:
        """Put a category that was taken where the form, or the other form of the page that has the field, reads it."""
        self.data: Any
        if self._category_name in self.fields:
            self.data = self.data.copy()
            self.data[self.add_prefix(self._category_name)] = value
            return
        # The other form reads the very same data; a copy would be this form's own.
        name, mutable = self._posted_category(), getattr(self.data, "_mutable", None)
        if mutable is None:
            self.data[name] = value
            return
        self.data._mutable = True
        self.data[name] = value
        self.data._mutable = mutable

    def _by_suggestion_button(self) -> bool:
        return self.is_bound and (self._asked or self._taken is not None)
