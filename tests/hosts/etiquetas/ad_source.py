from ad_autocategorize.sources import AdSource, HostCategory


class TopicAds(AdSource):
    model = "etiquetas.Notice"
    category = "topics"
    published = {"live": True}

    def category_path(self, topic):
        return [
            HostCategory(f"topic-{step.pk}", step.name) for step in [*type(topic).objects.get_ancestors(topic), topic]
        ]


class PlacedOffers(TopicAds):
    """By a many-to-many field with a through model."""

    model = "etiquetas.Offer"
    published = {}


class PlacementsOfOffers(PlacedOffers):
    """The same, by the rows of the through model."""

    category = "placement_set__topic"


class OffersByMethod(PlacedOffers):
    """The same, by a method that returns several."""

    category = "placed_at"
    category_model = "etiquetas.Topic"

    def placed_at(self, offer):
        return [row.topic for row in offer.placement_set.select_related("topic")]

    def replace_category(self, offer, former, topic):
        offer.placement_set.filter(topic=former).update(topic=topic)

    def relabel(self, offer, topic):
        raise NotImplementedError

    def ads_filed_at(self, topics):
        return self.ad_model()._default_manager.filter(topics__in=topics).distinct()
