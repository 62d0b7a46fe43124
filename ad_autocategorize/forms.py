"""The form mixins, under the name that hosts import."""

from ad_autocategorize.cars.forms import CarPhotoMixin
from ad_autocategorize.categories.forms import CategorySuggestionMixin

__all__ = ["CarPhotoMixin", "CategorySuggestionMixin"]
