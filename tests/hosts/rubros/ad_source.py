from ad_autocategorize.sources import AdSource, HostCategory


class RubroAds(AdSource):
    model = "rubros.Aviso"
    title = "full_title"
    title_form_field = "producto"
    category = "rubro"
    published = {"visible": True}
    date = "alta"

    def full_title(self, aviso):
        return f"{aviso.producto} {aviso.detalle}"

    def category_path(self, rubro):
        path = []
        while rubro is not None:
            path.insert(0, HostCategory(str(rubro.pk), rubro.nombre))
            rubro = rubro.padre
        return path
