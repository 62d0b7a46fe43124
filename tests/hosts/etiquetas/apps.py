from django.apps import AppConfig


class HostConfig(AppConfig):
    name = "tests.hosts.etiquetas"
    label = "etiquetas"
    default_auto_field = "django.db.models.BigAutoField"
