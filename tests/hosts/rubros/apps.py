from django.apps import AppConfig


class HostConfig(AppConfig):
    name = "tests.hosts.rubros"
    label = "rubros"
    default_auto_field = "django.db.models.BigAutoField"
