"""How this site describes its ads to the plugin."""

from ad_autocategorize.sources import AdSource


class MarketplaceAds(AdSource):
    """Ads point at the taxonomy's own categories, so there is no path to describe."""

    model = "marketplace.Ad"
    title = "title"
    category = "category"
    photos = "photos"
    date = "created_at"
    seller = "seller__username"
    brand = "brand"
    car_model = "car_model"
    body_type = "body_type"
    color = "color"
    year = "year"
    car_categories = ("Vehículos > Autos y camionetas", "Vehículos > Autos")
    published = {"status": "published"}
