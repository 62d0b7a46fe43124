from django.apps import AppConfig


class HostConfig(AppConfig):
    name = "tests.hosts.shop"
    label = "shop"
    default_auto_field = "django.db.models.BigAutoField"
