from django.apps import AppConfig
from django.core.checks import register
from django.db.models.signals import pre_delete
from django.utils.translation import gettext_lazy as _


class AdAutocategorizeConfig(AppConfig):
    name = "ad_autocategorize"
    verbose_name = _("Ad autocategorization")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ad_autocategorize.checks import check_deployment, check_settings
        from ad_autocategorize.data_checks import check_mirror, check_models
        from ad_autocategorize.moderation.forgetting import forget_deleted
        from ad_autocategorize.moderation.labels.places import follow_moved_categories
        from taxonomy.signals import categories_moved

        register(check_settings)
        register(check_mirror)
        register(check_models)
        register(check_deployment, deploy=True)
        categories_moved.connect(follow_moved_categories, dispatch_uid="ad_autocategorize.moderation")
        pre_delete.connect(forget_deleted, dispatch_uid="ad_autocategorize.forgetting")
