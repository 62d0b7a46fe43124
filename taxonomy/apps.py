from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TaxonomyConfig(AppConfig):
    name = "taxonomy"
    # No marketplace has an app of this label; many have one called taxonomy.
    label = "ad_taxonomy"
    verbose_name = _("Taxonomy")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Follow changes to the car catalog."""
        from taxonomy.catalog_version import connect

        connect()
