"""Who a client is, and how often one may come: for the API, and for forms that read photos. Needs no REST framework."""

from __future__ import annotations

import ipaddress
import time
from functools import lru_cache

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpRequest

# Clients that are remembered where the site has no cache that processes share: Django's own 300 are flushed by 300 addresses.
_MOST_CLIENTS = 50_000
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# What a provider gives one customer: whoever has one address of version 6 has all of these.
_CUSTOMER_BITS = 64


def rate_cache() -> BaseCache:
    """Return the cache that counts clients: the site's default one, or a larger one of this process where that is local."""
    cache = caches["default"]
    return _own_cache() if isinstance(cache, LocMemCache | DummyCache) else cache


@lru_cache(maxsize=1)
def _own_cache() -> BaseCache:
    return LocMemCache("ad-autocategorize-rates", {"OPTIONS": {"MAX_ENTRIES": _MOST_CLIENTS}})


def proxies() -> int | None:
    """Return how many proxies stand before the site, as REST framework's ``NUM_PROXIES`` says; ``None`` where it does not."""
    number = getattr(settings, "REST_FRAMEWORK", {}).get("NUM_PROXIES")
    return number if isinstance(number, int) and number >= 0 else None


def client_address(request: HttpRequest) -> str:
    """Return the address that a client is counted by: ``REMOTE_ADDR``, unless ``NUM_PROXIES`` says what else to believe.

    An address of version 6 stands for its whole network of 64 bits.
    """
    address = str(request.META.get("REMOTE_ADDR") or "")
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR")
    if forwarded and (count := proxies()):
        # Each proxy appends whom it heard from; what stands further left was written by the client.
        hops = str(forwarded).split(",")
        address = hops[-min(count, len(hops))].strip()
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, _CUSTOMER_BITS), strict=False).network_address)
    return str(parsed)


def client_key(request: HttpRequest) -> str:
    """Return what a client is counted by: the user's key, or the address of a visitor."""
    user = getattr(request, "user", None)
    return f"user-{user.pk}" if user is not None and user.is_authenticated else client_address(request)


def parse_rate(rate: str) -> tuple[int, int]:
    """Return how many in how many seconds "20/min" is, as REST framework writes rates. Raises ``ValueError``."""
    number, _, period = rate.partition("/")
    if not period or period[0] not in _SECONDS:
        raise ValueError(f"{rate!r} is no rate such as '20/min'.")
    return int(number), _SECONDS[period[0]]


def within_rate(scope: str, client: str, rate: str | None, count: int = 1) -> bool:
    """Count ``count`` requests of a client, and return whether the rate still holds; ``None`` is no limit."""
    if rate is None:
        return True
    most, seconds = parse_rate(rate)
    window = int(time.time()) // seconds
    key = f"ad_autocategorize-{scope}-{client}-{window}"
    cache = rate_cache()
    cache.add(key, 0, seconds * 2)
    try:
        return cache.incr(key, count) <= most
    except ValueError:
        # Flushed between the two calls.
        return count <= most
