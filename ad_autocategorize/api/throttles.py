"""Request limits of the API, from ``AD_AUTOCATEGORIZE`` rather than REST framework's own settings."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, UserRateThrottle
from rest_framework.views import APIView

from ad_autocategorize.conf import plugin_settings


class AnonymousThrottle(AnonRateThrottle):
    """Limits visitors who are not logged in, by address."""

    scope = "ad_autocategorize_anonymous"

    def get_rate(self) -> str | None:
        return plugin_settings.API_ANONYMOUS_RATE


class UserThrottle(UserRateThrottle):
    """Limits users who are logged in; ``AnonymousThrottle`` counts the others."""

    scope = "ad_autocategorize_user"

    def get_rate(self) -> str | None:
        return plugin_settings.API_USER_RATE

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        return super().get_cache_key(request, view) if request.user and request.user.is_authenticated else None


class BatchThrottle(UserRateThrottle):
    """Limits batches of titles, by user or else by address."""

    scope = "ad_autocategorize_batch"

    def get_rate(self) -> str | None:
        return plugin_settings.API_BATCH_RATE


class PhotoThrottle(UserRateThrottle):
    """Limits photos, by user or else by address: each costs a decoder and a network."""

    scope = "ad_autocategorize_photo"

    def get_rate(self) -> str | None:
        return plugin_settings.API_PHOTO_RATE
