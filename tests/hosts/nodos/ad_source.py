from django.db.models import Q

from ad_autocategorize.sources import AdSource, HostCategory


class NodeAds(AdSource):
    model = "nodos.Offer"
    title = "headline"
    category = "node"
    published = Q(live=True)

    def category_path(self, node):
        steps = [*type(node).objects.get_ancestors(node), node]
        return [HostCategory(str(step.pk), step.title) for step in steps]
