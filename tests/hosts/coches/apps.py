from django.apps import AppConfig


class HostConfig(AppConfig):
    name = "tests.hosts.coches"
    label = "coches"
    default_auto_field = "django.db.models.BigAutoField"
