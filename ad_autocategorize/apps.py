from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AdAutocategorizeConfig(AppConfig):
    name = "ad_autocategorize"
    verbose_name = _("Ad autocategorisation")
    default_auto_field = "django.db.models.BigAutoField"
