"""Request limits of the API, from ``AD_AUTOCATEGORIZE`` rather than REST framework's own settings."""

from __future__ import annotations

from django.core.cache.backends.base import BaseCache
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from ad_autocategorize.conf import plugin_settings
from ad_autocategorize.rates import client_address, client_key, parse_rate, rate_cache

# Wrong passwords and tokens that one address may send; right ones are not counted.
FAILED_LOGIN_RATE = "20/min"


class _Throttle(SimpleRateThrottle):
    """Counts a user or else an address, in the cache that ``rates`` chooses."""

    setting: str

    @property
    def cache(self) -> BaseCache:  # type: ignore[override]  # REST framework has an attribute of the class
        return rate_cache()

    def get_rate(self) -> str | None:
        rate: str | None = getattr(plugin_settings, self.setting)
        return rate

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        return self.cache_format % {"scope": self.scope, "ident": client_key(request)}


class AnonymousThrottle(_Throttle):
    """Limits visitors who are not logged in, by address."""

    scope = "ad_autocategorize_anonymous"
    setting = "API_ANONYMOUS_RATE"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        return None if _is_logged_in(request) else super().get_cache_key(request, view)


class UserThrottle(_Throttle):
    """Limits users who are logged in; ``AnonymousThrottle`` counts the others."""

    scope = "ad_autocategorize_user"
    setting = "API_USER_RATE"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        return super().get_cache_key(request, view) if _is_logged_in(request) else None


class BatchThrottle(_Throttle):
    """Limits batches of titles, by user or else by address."""

    scope = "ad_autocategorize_batch"
    setting = "API_BATCH_RATE"


class PhotoThrottle(_Throttle):
    """Limits photos, by user or else by address: each costs a decoder and a network."""

    scope = "ad_autocategorize_photo"
    setting = "API_PHOTO_RATE"


class FailedLoginThrottle(_Throttle):
    """Limits wrong passwords and tokens by address, before they are tried."""

    scope = "ad_autocategorize_failed_login"

    def get_rate(self) -> str | None:
        return FAILED_LOGIN_RATE

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        # Not by user: who that is would have to be found out first.
        return self.cache_format % {"scope": self.scope, "ident": client_address(request._request)}

    def throttle_success(self) -> bool:
        return True

    def record(self) -> None:
        """Count one that was wrong, after ``allow_request`` has let it be tried."""
        self.history.insert(0, self.now)
        _number, seconds = parse_rate(FAILED_LOGIN_RATE)
        self.cache.set(self.key, self.history, seconds)


def _is_logged_in(request: Request) -> bool:
    return bool(request.user and request.user.is_authenticated)
