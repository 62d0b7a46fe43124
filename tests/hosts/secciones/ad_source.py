from ad_autocategorize.sources import AdSource, HostCategory
from tests.hosts.secciones.models import Group, Listing, Section


class SectionAds(AdSource):
    model = Listing
    title = "product__name"
    category = "section_or_group"
    category_model = Group
    category_form_field = "place"
    published = {}
    select_related = ["group__section", "section"]

    def section_or_group(self, listing):
        return listing.group or listing.section

    def category_path(self, place):
        if isinstance(place, Section):
            return [HostCategory(f"section:{place.pk}", place.label)]
        return [*self.category_path(place.section), HostCategory(f"group:{place.pk}", place.label)]

    def host_categories(self):
        yield from Section.objects.all()
        yield from Group.objects.select_related("section")

    def host_category(self, external_id):
        kind, _, pk = external_id.partition(":")
        return {"section": Section, "group": Group}[kind].objects.filter(pk=pk).first()
