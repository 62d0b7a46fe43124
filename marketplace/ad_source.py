"""How this site describes its ads to the plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.formats import number_format

from ad_autocategorize.sources import AdSource

if TYPE_CHECKING:
    from marketplace.models import Ad


class MarketplaceAds(AdSource):
    """Ads point at the taxonomy's own categories, so there is no path to describe."""

    model = "marketplace.Ad"
    title = "title"
    category = "category"
    photos = "photos"
    description = "description"
    price = "price_text"
    date = "created_at"
    seller = "seller__username"
    brand = "brand"
    car_model = "car_model"
    body_type = "body_type"
    color = "color"
    year = "year"
    car_categories = ("Vehículos > Autos y camionetas", "Vehículos > Autos")
    published = {"status": "published"}

    def price_text(self, ad: Ad) -> str:
        """Return the price with its currency; empty where buyers are to ask."""
        return "" if ad.price is None else f"{ad.get_currency_display()} {number_format(ad.price, force_grouping=True)}"
