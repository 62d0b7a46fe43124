from django.apps import AppConfig


class HostConfig(AppConfig):
    name = "tests.hosts.lejos"
    label = "lejos"
    default_auto_field = "django.db.models.BigAutoField"
