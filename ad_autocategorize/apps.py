from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _


class AdAutocategorizeConfig(AppConfig):
    name = "ad_autocategorize"
    verbose_name = _("Ad autocategorization")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ad_autocategorize.checks import check_settings
        from ad_autocategorize.data_checks import check_mirror
        from ad_autocategorize.moderation.labels.places import follow_moved_categories
        from taxonomy.signals import categories_moved

        register(check_settings)
        register(check_mirror)
        categories_moved.connect(follow_moved_categories, dispatch_uid="ad_autocategorize.moderation")
