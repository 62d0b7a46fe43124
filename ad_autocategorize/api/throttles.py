"""Request limits of the suggestion API, from ``AD_AUTOCATEGORIZE`` rather than REST framework's own settings."""

from __future__ import annotations

from rest_framework.throttling import AnonRateThrottle, UserRateThrottle

from ad_autocategorize.conf import plugin_settings


class AnonymousThrottle(AnonRateThrottle):
    """Limits visitors who are not logged in, by address."""

    scope = "ad_autocategorize_anonymous"

    def get_rate(self) -> str | None:
        return plugin_settings.API_ANONYMOUS_RATE


class UserThrottle(UserRateThrottle):
    """Limits users who are logged in."""

    scope = "ad_autocategorize_user"

    def get_rate(self) -> str | None:
        return plugin_settings.API_USER_RATE
