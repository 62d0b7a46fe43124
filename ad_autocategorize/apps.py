from django.apps import AppConfig, apps
from django.core.checks import register
from django.db.models.signals import pre_delete
from django.utils.translation import gettext_lazy as _


class AdAutocategorizeConfig(AppConfig):
    name = "ad_autocategorize"
    verbose_name = _("Ad autocategorization")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib.auth import get_user_model

        from ad_autocategorize import metrics
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
        # By name: listening to every model would keep Django from deleting any rows of the site without loading them.
        for model in apps.get_models():
            if issubclass(model, get_user_model()):
                uid = f"ad_autocategorize.forgetting.{model._meta.label}"
                pre_delete.connect(forget_deleted, sender=model, dispatch_uid=uid)
        if metrics.IS_INSTALLED:
            from ad_autocategorize import gauges

            gauges.register()
