"""The widgets, under the name that hosts import."""

from ad_autocategorize.base_widgets import PhotoInput
from ad_autocategorize.cars.widgets import CarWidget
from ad_autocategorize.categories.widgets import CategoryPickerWidget, CategorySuggestionWidget

__all__ = ["CarWidget", "CategoryPickerWidget", "CategorySuggestionWidget", "PhotoInput"]
