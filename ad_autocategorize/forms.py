"""The form mixins, under the name that hosts import."""

from ad_autocategorize.cars.forms import CarPhotoMixin
from ad_autocategorize.categories.forms import CategorySuggestionMixin
from ad_autocategorize.held_photos import HeldPhotosMixin

__all__ = ["CarPhotoMixin", "CategorySuggestionMixin", "HeldPhotosMixin"]
