from ad_autocategorize.sources import AdSource, HostCategory


class Listings(AdSource):
    model = "bolsa.Listing"
    category = "section"
    language = "language"
    published = {}

    def category_path(self, section):
        return [HostCategory(section.pk, section)]


class Jobs(AdSource):
    model = "bolsa.Job"
    title = "headline"
    category = "trade"
    published = {}

    def category_path(self, trade):
        return [HostCategory(trade.pk, trade.label)]
