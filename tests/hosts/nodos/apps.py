from django.apps import AppConfig


class HostConfig(AppConfig):
    name = "tests.hosts.nodos"
    label = "nodos"
    default_auto_field = "django.db.models.BigAutoField"
