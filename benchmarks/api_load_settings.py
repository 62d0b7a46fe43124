"""The demo marketplace as ``benchmarks.api_load`` serves it: without debugging, without rates, and with a constant."""

from marketplace.settings import *  # noqa: F403
from marketplace.settings import AD_AUTOCATEGORIZE

DEBUG = False
SECRET_KEY = "only-for-the-benchmark"
SECURE_SSL_REDIRECT = False
ROOT_URLCONF = "benchmarks.api_load_urls"
AD_AUTOCATEGORIZE = {**AD_AUTOCATEGORIZE, "API_ANONYMOUS_RATE": None, "API_USER_RATE": None}
