"""A site that has nothing but what an installed wheel brings. Its folder and the data folder come from the environment."""

import importlib.util
import os
from pathlib import Path

DATA_DIR = Path(os.environ["SITE_DATA_DIR"])
DEBUG = True
SECRET_KEY = "of a test"
ALLOWED_HOSTS = ["testserver"]
USE_TZ = True

BARE = os.environ.get("SITE_BARE") == "1"
HAS_API = not BARE and importlib.util.find_spec("rest_framework") is not None

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    *(["rest_framework"] if HAS_API else []),
    *([] if BARE else ["mptt", "taxonomy", "ad_autocategorize", "shop"]),
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "site.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "static/"
AD_AUTOCATEGORIZE = {"SOURCE": "shop.ad_source.ShopAds", "MODEL_DIR": DATA_DIR / "models", "TITLES": {"language": "en"}}
