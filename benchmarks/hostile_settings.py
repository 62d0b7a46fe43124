"""The demo as ``benchmarks.hostile`` asks it: without debugging, and with photos read as often as it asks."""

from marketplace.settings import *  # noqa: F403
from marketplace.settings import AD_AUTOCATEGORIZE

DEBUG = False
SECRET_KEY = "only-for-the-benchmark"
SECURE_SSL_REDIRECT = False
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False
AD_AUTOCATEGORIZE = {**AD_AUTOCATEGORIZE, "API_PHOTO_RATE": None}
