"""The widgets, under the name that hosts import."""

from ad_autocategorize.base_widgets import PhotoInput
from ad_autocategorize.cars.widgets import CarPhotoWidget
from ad_autocategorize.categories.widgets import CategoryPickerWidget, CategorySuggestionWidget

__all__ = ["CarPhotoWidget", "CategoryPickerWidget", "CategorySuggestionWidget", "PhotoInput"]
