from django.apps import AppConfig


class HostConfig(AppConfig):
    name = "tests.hosts.secciones"
    label = "secciones"
    default_auto_field = "django.db.models.BigAutoField"
