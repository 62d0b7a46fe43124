from ad_autocategorize.sources import AdSource, HostCategory


class FarAds(AdSource):
    model = "lejos.Thing"
    category = "shelf"
    published = {}
    brand = "maker"

    def category_path(self, shelf):
        return [HostCategory(f"shelf-{shelf.pk}", shelf.name)]
