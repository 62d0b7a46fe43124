"""What the rest of a site calls, under the name that hosts import."""

from ad_autocategorize.cars.services import CarSuggestion, suggest_car
from ad_autocategorize.categories.services import CategorySuggestions, suggest_categories, suggest_categories_for_many

__all__ = ["CarSuggestion", "CategorySuggestions", "suggest_car", "suggest_categories", "suggest_categories_for_many"]
