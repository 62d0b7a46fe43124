"""The marketplace's ads, whose category stands in the first row of a formset."""

from marketplace.ad_source import MarketplaceAds


class FormsetAds(MarketplaceAds):
    category_form_field = "places-0-section"
