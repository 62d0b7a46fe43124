"""Settings of the demo marketplace: SQLite, Spanish first, everything in the project folder."""

import os
from pathlib import Path

from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("MARKETPLACE_DATA_DIR", BASE_DIR / "var"))
DATA_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = os.environ.get("MARKETPLACE_DEBUG", "1") == "1"
SECRET_KEY = os.environ.get("MARKETPLACE_SECRET_KEY", "demo-only-not-a-secret" if DEBUG else "")
ALLOWED_HOSTS = os.environ.get("MARKETPLACE_ALLOWED_HOSTS", "127.0.0.1,localhost").split(",")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "mptt",
    "rest_framework",
    "drf_spectacular",
    "taxonomy",
    "ad_autocategorize",
    "marketplace",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "marketplace.middleware.LimitedBody",
    "marketplace.middleware.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "marketplace.urls"
WSGI_APPLICATION = "marketplace.wsgi.application"

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

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "marketplace.sqlite3",
        # Whoever reads never waits for whoever writes, and of two writers one waits for the other.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}

LANGUAGE_CODE = "es"
LANGUAGES = [("es", _("Spanish")), ("pt-br", _("Portuguese")), ("en", _("English"))]
TIME_ZONE = "America/Argentina/Buenos_Aires"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
MEDIA_URL = "media/"
MEDIA_ROOT = DATA_DIR / "media"

AD_AUTOCATEGORIZE = {
    "SOURCE": "marketplace.ad_source.MarketplaceAds",
    "MODEL_DIR": DATA_DIR / "models",
    # The smallest ResNet of timm, from random weights, learns drawn cars in minutes; photographs want the defaults.
    "PHOTOS": {
        "backbone": "test_resnet",
        "weights": "none",
        "height": 72,
        "width": 96,
        "epochs": 8,
        "augmentation": "mild",
    },
}


LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "my-ads"
LOGOUT_REDIRECT_URL = "ad-list"

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    # Served by itself; a site behind a proxy sets the number of its proxies.
    "NUM_PROXIES": 0,
}
# One process serves the demo, so that its own memory will do for the rates.
SILENCED_SYSTEM_CHECKS = ["ad_autocategorize.W021"]


SECURE_CONTENT_TYPE_NOSNIFF = True
if not DEBUG:
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
