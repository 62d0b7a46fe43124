"""What the site says of its ads."""

from ad_autocategorize.sources import AdSource


class ShopAds(AdSource):
    model = "shop.Listing"
    title = "headline"
    published = {}
