from django.apps import AppConfig


class HostConfig(AppConfig):
    name = "tests.hosts.bolsa"
    label = "bolsa"
    default_auto_field = "django.db.models.BigAutoField"
