"""The demo marketplace with a throw-away data folder and further hosts, for the test run on SQLite."""

import os
import tempfile

os.environ.setdefault("MARKETPLACE_DATA_DIR", tempfile.mkdtemp(prefix="marketplace-tests-"))

from marketplace.settings import *  # noqa: F403
from marketplace.settings import DATA_DIR, INSTALLED_APPS

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "django_htmx",
    "treebeard",
    "tests.hosts.rubros",
    "tests.hosts.secciones",
    "tests.hosts.nodos",
    "tests.hosts.coches",
    "tests.hosts.etiquetas",
    "tests.hosts.lejos",
    "tests.hosts.bolsa",
    "tests.hosts.shop",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "tests.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 30},
        # A file, as in real life: threads and processes of a test share it.
        "TEST": {"NAME": DATA_DIR / "tests.sqlite3"},
    },
    # Of the host tests.hosts.lejos alone.
    "far": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "far.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 30},
        "TEST": {"NAME": DATA_DIR / "far.sqlite3"},
    },
}
DATABASE_ROUTERS = ["tests.hosts.lejos.router.FarRouter"]
