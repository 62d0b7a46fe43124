"""The category tree and the car catalog."""

from taxonomy.models.cars import BodyType, Brand, CarModel, Color
from taxonomy.models.category import Category, TaxonomyState

__all__ = ["BodyType", "Brand", "CarModel", "Category", "Color", "TaxonomyState"]
