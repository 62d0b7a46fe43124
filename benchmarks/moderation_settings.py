"""The demo marketplace as ``benchmarks.moderation_load`` asks it: without debugging, on SQLite or a PostgreSQL of one's own."""

import os

from marketplace.settings import *  # noqa: F403

DEBUG = False
SECRET_KEY = "only-for-the-benchmark"
SECURE_SSL_REDIRECT = False
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False
if os.environ.get("BENCHMARK_DATABASE"):
    from tests.settings_postgresql import DATABASES

    DATABASES["default"]["NAME"] = os.environ["BENCHMARK_DATABASE"]
