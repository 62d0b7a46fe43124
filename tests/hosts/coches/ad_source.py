from ad_autocategorize.sources import AdSource, HostCategory


class NoticeAds(AdSource):
    model = "coches.Notice"
    title = "heading"
    category = "rubric"
    published = {}
    brand = "vehicle__maker"
    car_model = "vehicle__make__name"
    body_type = "vehicle__shape__label"
    color = "vehicle__paint"
    year = "vehicle__built"

    def category_path(self, rubric):
        return [HostCategory(str(rubric.pk), rubric.name)]
